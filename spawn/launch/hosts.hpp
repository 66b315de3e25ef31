#pragma once

#include <functional>
#include <string>
#include <vector>

namespace farm::detail {

/// Where ranks can be started, and how many at once.
struct HostSlots {
  std::string name;
  int slots = 1;
};

/// So many ranks of one group on a host; ranks are numbered in the order of these.
struct Share {
  std::string host;
  int ranks = 0;
};
using Placement = std::vector<Share>;

/// "nodeA:2, nodeB:1"
[[nodiscard]] std::string to_text(Placement const& placement);

/// The hosts of this run: FARM_HOSTS, else those in FARM_HOSTFILE, else those of the Slurm allocation, else this one.
struct HostList {
  std::vector<HostSlots> hosts;
  bool limited = true;  ///< false: this host alone, with as many ranks as are asked for
  std::string origin;   ///< where the list comes from, for people
  std::string remedy;   ///< how to have more slots; likewise
};

/// Throws UsageError where what names them cannot be understood, and SpawnError where Slurm does not tell them.
[[nodiscard]] HostList find_hosts();

/// "a:4,b:4,c": a host without a number has one slot. `where` is what errors name. Throws UsageError.
[[nodiscard]] std::vector<HostSlots> parse_hosts(std::string const& text, std::string const& where);

/// Lines "a slots=4" as mpiexec has them, or "a:4"; behind # is comment. Throws UsageError.
[[nodiscard]] std::vector<HostSlots> read_hostfile(std::string const& path);

/// "8(x2),4" as in SLURM_TASKS_PER_NODE: 8, 8, 4. Throws SpawnError.
[[nodiscard]] std::vector<int> parse_counts(std::string const& text, std::string const& where);

/// True where it names the host that this process runs on.
[[nodiscard]] bool is_this_host(std::string const& name);

/// Which slots are taken: groups are placed so that each rank has one of its own.
class SlotMap {
 public:
  explicit SlotMap(HostList list);

  [[nodiscard]] HostList const& list() const { return list_; }
  /// Of hosts that are not lost, and of `only` where that is not empty.
  [[nodiscard]] int total(std::vector<std::string> const& only = {}) const;
  [[nodiscard]] bool has_room(int ranks, std::vector<std::string> const& only = {}) const;
  /// On one host where the group fits there, the fullest that has room; else on as few as possible. There must be room.
  Placement take(int ranks, std::vector<std::string> const& only = {});
  void give_back(Placement const& placement);
  /// Nothing is placed there any more. False where this was so already, or it is not in the list.
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
