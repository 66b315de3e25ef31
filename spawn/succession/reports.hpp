#pragma once

#include "spawn/succession/answer_log.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What the processes of a group tell the next master, and what the master makes of it.
namespace farm::detail {

/// A guard tells this when it has found the next master.
struct GuardReport {
  std::uint32_t masters = 0;  ///< how many masters the rank has lost
  std::uint64_t begun = 0;    ///< the index after that of the last task that the rank has begun
  LogContent log{};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(masters, begun, log.answered, log.last_id, log.latest, log.latest_seconds, log.answers, log.devices);
  }
  /// Returns the task that the rank runs, if it does.
  [[nodiscard]] std::optional<LoggedTask> running() const {
    if (log.answered >= begun) return std::nullopt;
    return log.latest;
  }
};

/// A rank tells this when it has found the next master, between two tasks.
struct RankReport {
  std::uint64_t begun = 0;             ///< as in GuardReport
  std::vector<LoggedTask> received{};  ///< and not begun, in order

  template <class Archive>
  void serialize(Archive& archive) {
    archive(begun, received);
  }
};

/// A task that a group has not finished, or whose answer its master had not confirmed.
struct InheritedTask {
  LoggedTask task{};
  bool answered = false;       ///< by all ranks
  double running_seconds = 0;  ///< 0: it does not run
};

/// A group as the next master finds it.
struct Inheritance {
  std::string disagreement{};  ///< why the group cannot go on; empty: it can
  std::uint64_t begin_to = 0;  ///< no rank has begun a task from this index on; each is to begin those before it
  std::uint64_t first = 0;     ///< the index of the first task of `tasks`; begin_to if there is none
  std::vector<InheritedTask> tasks{};  ///< in order
  std::uint64_t last_id = 0;           ///< the largest id of a task that the group was sent
  std::uint32_t masters = 0;           ///< how many masters the group has lost
};

/// Puts together what the guards of a group's ranks report, in rank order.
[[nodiscard]] Inheritance inheritance_of(std::vector<GuardReport> const& reports);

/// Returns why a rank cannot begin the tasks before `begin_to`: it has not received one of them. Empty if it can.
[[nodiscard]] std::string why_stuck(RankReport const& report, std::uint64_t begin_to);

}  // namespace farm::detail
