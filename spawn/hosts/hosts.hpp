#pragma once

#include "core/resources/budget.hpp"
#include "core/resources/request.hpp"
#include "spawn/hosts/host_slots.hpp"
#include "spawn/hosts/slurm_job.hpp"

#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// The ranks of one group on one host.
struct Share {
  std::string host;
  int ranks = 0;
  int component = -1;  ///< as HostSlots has it
};
/// Where the ranks of a group run, in rank order.
using Placement = std::vector<Share>;

/// Returns "nodeA:2, nodeB:1".
[[nodiscard]] std::string to_text(Placement const& placement);

/// The hosts of this run.
struct HostList {
  std::vector<HostSlots> hosts;
  bool limited = true;            ///< false: this host alone, with as many ranks as are asked for
  std::string origin;             ///< where the list comes from, for people
  std::string remedy;             ///< what to do to have more slots, for people
  std::optional<SlurmJob> job{};  ///< the Slurm job in which srun launches groups; none: no job, or unknown
};

/// Returns the hosts that FARM_HOSTS names, else those in the file FARM_HOSTFILE, else those of the Slurm allocation,
/// else those that MPICH's mpiexec was given (without a slot for the master), else this host without a limit. Throws
/// UsageError if a list or FARM_RESOURCES cannot be understood, and SpawnError if the Slurm job has ended or cannot be
/// described.
[[nodiscard]] HostList find_hosts();

/// Returns true if this is a name or a loopback address of the host that this process runs on. Names in different
/// domains are different hosts. May block for a look-up of the name, once for each name.
[[nodiscard]] bool is_this_host(std::string const& name);

/// Returns the name that the placement has for the host that calls itself `host`: its full or its short name. Empty if
/// the placement has no such host, or several.
[[nodiscard]] std::string find_host(Placement const& placement, std::string const& host);

/// Returns true if two hosts differ in their domains only.
[[nodiscard]] bool have_same_short_name(std::vector<HostSlots> const& hosts);
/// Returns true if the user's name of a host means the host that calls itself `host`.
[[nodiscard]] bool is_name_of(std::string const& name, std::string const& host);

/// Returns the hosts that mpiexec was given, as the command line of the mpiexec that has started this process says.
/// Empty if it does not say.
[[nodiscard]] std::vector<std::string> hosts_of_mpiexec();

/// Returns false if all ranks of this job, and those that it spawns, are certain to be on this host.
[[nodiscard]] bool job_may_have_other_hosts();

/// What is taken on each host. Each rank has a slot of its own, and what else its group has asked for.
class SlotMap {
 public:
  explicit SlotMap(HostList list);

  [[nodiscard]] HostList const& list() const { return list_; }
  /// Returns how many slots there are, taken or not, on hosts that are not lost; on those in `only` if `only` is not
  /// empty.
  [[nodiscard]] int total(std::vector<std::string> const& only = {}) const;
  /// Returns the ranks of the largest group that these hosts could ever run: that of the largest component if there are
  /// several.
  [[nodiscard]] int largest_group(std::vector<std::string> const& only = {}) const;
  [[nodiscard]] bool has_room(Request const& request, std::vector<std::string> const& only = {}) const;
  /// Returns true if the request had room if nothing were taken.
  [[nodiscard]] bool could_have_room(Request const& request, std::vector<std::string> const& only = {}) const;
  /// Takes room for a group: on the fullest host that has room for the whole group, else on as few hosts as possible.
  /// Requires has_room().
  Placement take(Request const& request, std::vector<std::string> const& only = {});
  void give_back(Placement const& placement, Request const& request);
  /// Places no more groups on the host. Returns false if the host was lost before, or is not in the list.
  bool lose(std::string const& host);
  [[nodiscard]] std::vector<std::string> lost() const;
  [[nodiscard]] bool knows(std::string const& host) const;

 private:
  struct Entry {
    std::string name;
    int slots;
    int component;
    Budget budget;
    Usage usage{};
    bool lost = false;

    /// Returns how many of the request's ranks have room here.
    [[nodiscard]] int room(Request const& request, Usage const& used) const;
  };
  [[nodiscard]] std::optional<int> component_with_room(Request const& request, std::vector<std::string> const& only,
                                                       bool if_empty = false) const;
  [[nodiscard]] std::vector<Entry*> usable(std::vector<std::string> const& only);

  HostList list_;
  std::vector<Entry> entries_;
};

}  // namespace farm::detail
