#pragma once

#include <string>
#include <vector>

namespace farm::detail {

/// A host, and how many ranks can run there at once.
struct HostSlots {
  std::string name;
  int slots = 1;
};

/// The ranks of one group on one host.
struct Share {
  std::string host;
  int ranks = 0;
};
/// Where the ranks of a group run, in rank order.
using Placement = std::vector<Share>;

/// Returns "nodeA:2, nodeB:1".
[[nodiscard]] std::string to_text(Placement const& placement);

/// The hosts of this run.
struct HostList {
  std::vector<HostSlots> hosts;
  bool limited = true;  ///< false: this host alone, with as many ranks as are asked for
  std::string origin;   ///< where the list comes from, for people
  std::string remedy;   ///< what to do to have more slots, for people
};

/// Returns the hosts that FARM_HOSTS names, else those in the file FARM_HOSTFILE, else those of the Slurm allocation,
/// else this host without a limit. Throws UsageError if a list cannot be understood, and SpawnError if Slurm does not
/// tell its hosts.
[[nodiscard]] HostList find_hosts();

/// Parses "a:4,b:4,c". A host without a number has one slot. Errors name `where`. Throws UsageError.
[[nodiscard]] std::vector<HostSlots> parse_hosts(std::string const& text, std::string const& where);

/// Reads lines "a slots=4", as in mpiexec's hostfiles, or "a:4". What follows # is a comment. Throws UsageError.
[[nodiscard]] std::vector<HostSlots> read_hostfile(std::string const& path);

/// Parses "8(x2),4", as in SLURM_TASKS_PER_NODE, to 8, 8, 4. Errors name `where`. Throws SpawnError.
[[nodiscard]] std::vector<int> parse_counts(std::string const& text, std::string const& where);

/// Returns true if this is a name or a loopback address of the host that this process runs on.
[[nodiscard]] bool is_this_host(std::string const& name);

/// Which slots are taken. Each rank has a slot of its own.
class SlotMap {
 public:
  explicit SlotMap(HostList list);

  [[nodiscard]] HostList const& list() const { return list_; }
  /// Returns how many slots there are, taken or not, on hosts that are not lost; on those in `only` if `only` is not
  /// empty.
  [[nodiscard]] int total(std::vector<std::string> const& only = {}) const;
  [[nodiscard]] bool has_room(int ranks, std::vector<std::string> const& only = {}) const;
  /// Takes slots for a group: on the fullest host that has room for the whole group, else on as few hosts as possible.
  /// Requires has_room().
  Placement take(int ranks, std::vector<std::string> const& only = {});
  void give_back(Placement const& placement);
  /// Places no more groups on the host. Returns false if the host was lost before, or is not in the list.
  bool lose(std::string const& host);
  [[nodiscard]] std::vector<std::string> lost() const;
  [[nodiscard]] bool knows(std::string const& host) const;

 private:
  struct Entry {
    std::string name;
    int slots;
    int taken = 0;
    bool lost = false;
  };
  [[nodiscard]] std::vector<Entry*> usable(std::vector<std::string> const& only);

  HostList list_;
  std::vector<Entry> entries_;
};

}  // namespace farm::detail
