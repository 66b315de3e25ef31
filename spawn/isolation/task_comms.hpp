#pragma once

#include "spawn/isolation/rank_process.hpp"

#include <farm/comm.hpp>

#include <atomic>
#include <cstdint>
#include <vector>

namespace farm::detail {

/// The communicators in which the tasks of a group run, as one of its ranks sees them. Each is a duplicate of the
/// group's. After a task that took its MPI_Comm or threw, the next task in the same slot gets a new duplicate, so that
/// messages that were left, and receives that were left pending, reach nobody. With Open MPI 4.1 a duplicate costs
/// some 11 us on 2 ranks of a host, and some 4 us on one rank.
class TaskComms {
 public:
  /// `group` must outlive this.
  TaskComms(Comm const& group, RankProcess process);

  /// Returns the communicator for the next task, and makes it anew if the epoch of its slot has changed. Collective:
  /// all ranks of the group receive the same slots and epochs in the same order. Throws MpiError, and UsageError if
  /// earlier tasks have used up all communicators.
  [[nodiscard]] Comm const& begin_task(std::uint16_t slot, std::uint32_t epoch);
  /// Returns the communicator for the initializer, which no task gets. Collective.
  [[nodiscard]] Comm const& for_initializer();

  /// What a task has done with its communicator.
  struct Use {
    bool taken = false;     ///< it took its MPI_Comm
    bool worn_out = false;  ///< tasks have left so many communicators behind that the rank should be replaced
  };
  /// Returns what the task that has ended did.
  [[nodiscard]] Use use();
  /// Call it after use(), before the next begin_task(). On a static rank, this may free what tasks have left behind.
  void end_task(bool failed);

 private:
  struct Slot {
    std::uint32_t epoch = 0;
    Comm comm;
    /// The one before. It is freed late, so that a message that is still on its way finds it, and not a new
    /// communicator to which MPI has given the same context id.
    Comm before;
  };

  [[nodiscard]] bool was_taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  [[nodiscard]] Comm make();
  [[nodiscard]] Comm duplicate() const;
  [[nodiscard]] bool are_used_up() const;
  void free_leaked() const;
  [[nodiscard]] bool has_foreign_message(Comm const& comm) const;

  Comm const& group_;
  RankProcess process_;
  std::atomic<bool> taken_{false};
  bool worn_out_ = false;
  std::uint32_t tasks_ = 0;
  bool is_to_be_counted_ = false;  ///< the communicators are counted after this task
  int worn_out_number_ = 0;        ///< if a communicator has this number, there are too many; 0: no task has begun
  std::vector<Slot> slots_;
  Comm for_initializer_;
  std::vector<Comm> set_aside_;
};

}  // namespace farm::detail
