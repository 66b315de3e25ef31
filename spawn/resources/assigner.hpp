#pragma once

#include "core/resources/request.hpp"
#include "core/task/frame.hpp"
#include "spawn/resources/core_book.hpp"
#include "spawn/resources/topology.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace farm::detail {

/// Where a rank runs, as it has said itself.
struct RankPlace {
  std::string host;
  bool is_here = false;  ///< on the master's host
  Processors allowed{};  ///< those that the rank may use
  Cores cores{};         ///< of these, on another host than the master's
};

/// Gives cores and devices to the ranks of groups, on all hosts, and takes them back.
///
/// A rank is bound to cores that no other rank has, within those that its launcher has left it. If there are not
/// enough, the rank stays unbound until there are.
class Assigner {
 public:
  struct Options {
    bool binds = true;
    /// The number of devices of a host, by its name; below 0: the launcher gives the ranks theirs.
    std::map<std::string, int> devices{};
  };
  /// Cores for a rank that had none.
  struct Late {
    std::uint64_t group = 0;
    std::size_t rank = 0;
    Assignment assignment{};
  };

  /// Returns what each rank of a new group gets.
  [[nodiscard]] std::vector<Assignment> assign(std::uint64_t id, Request const& request, std::vector<RankPlace> places,
                                               Options const& options);
  /// The ranks of a group have ended, or are in no group any more. Returns what others get now.
  [[nodiscard]] std::vector<Late> release(std::uint64_t id);

 private:
  struct Host {
    CoreBook book;
    std::set<int> devices_in_use{};
    std::set<std::pair<std::uint64_t, std::size_t>> unbound{};  ///< ranks that wait for cores, by group and rank
  };
  struct Rank {
    RankPlace place;
    std::vector<std::size_t> cores{};
    std::vector<int> devices{};
  };
  struct GroupRecord {
    std::size_t cores_per_rank = 1;
    std::vector<Rank> ranks{};
  };

  [[nodiscard]] Host& host_of(RankPlace const& place);
  [[nodiscard]] Assignment bind(GroupRecord& group, Rank& rank);

  std::map<std::string, Host> hosts_;
  std::map<std::uint64_t, GroupRecord> groups_;
};

}  // namespace farm::detail
