#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace farm::detail {

/// The communicators of a group, numbered by slots. On a group of several ranks each task in flight uses a slot of its
/// own. A group of one rank runs all its tasks in slot 0, since no messages can be mixed up there.
///
/// Each slot has an epoch. If the epoch in a task's header is new, the ranks make the slot's communicator anew before
/// the call, so that messages left behind by an earlier task reach nobody. A group of one rank needs no new epoch after
/// a task that only used its communicator: the rank makes it anew by itself.
class CommSlots {
 public:
  /// Slots of a group of several ranks, and so the most tasks that such a group is sent at once.
  static constexpr std::size_t per_group = 32;

  /// Makes these the slots of a group of several ranks. Call it before the first task.
  void use_slot_per_task() { epochs_.assign(per_group, 0); }
  [[nodiscard]] bool has_slot_per_task() const { return !epochs_.empty(); }

  /// Returns the slot for the next task. At most `per_group` tasks may be in flight if each has its own slot.
  [[nodiscard]] std::uint16_t next() const {
    return has_slot_per_task() ? static_cast<std::uint16_t>(std::countr_one(in_use_)) : std::uint16_t{0};
  }
  [[nodiscard]] std::uint32_t epoch(std::uint16_t slot) const {
    return has_slot_per_task() ? epochs_[slot] : only_epoch_;
  }
  void take(std::uint16_t slot) { in_use_ |= Bits{1} << slot; }
  /// Frees a slot. `renew` gives it a new epoch, since the task may have left messages in its communicator.
  void release(std::uint16_t slot, bool renew) {
    in_use_ &= ~(Bits{1} << slot);
    if (renew) ++(has_slot_per_task() ? epochs_[slot] : only_epoch_);
  }

 private:
  using Bits = std::uint32_t;
  static_assert(std::numeric_limits<Bits>::digits >= per_group, "each slot needs a bit");

  Bits in_use_ = 0;               // one bit for each slot
  std::uint32_t only_epoch_ = 0;  // of a group of one rank, so that such a group needs no vector
  std::vector<std::uint32_t> epochs_;
};

}  // namespace farm::detail
