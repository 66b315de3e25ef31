#include "spawn/isolation/task_comms.hpp"

#include "spawn/isolation/leaked_comms.hpp"
#include "spawn/isolation/mpi_calls.hpp"
#include "spawn/platform/throw_on_error.hpp"

#include <farm/error.hpp>
#include <farm/mpi_error.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace farm::detail {
namespace {

/// A rank is worn out if it has so many more communicators than before its first task. Open MPI allows 65,000 of them,
/// with some 8 KiB each.
constexpr int most_left_behind = 2000;
/// How often they are counted if no task takes its communicator or is seen to make one.
constexpr std::uint32_t tasks_per_count = 16;

}  // namespace

TaskComms::TaskComms(Comm const& group, RankProcess process) : group_(group), process_(process) {}

Comm const& TaskComms::begin_task(std::uint16_t slot, std::uint32_t epoch) {
  if (worn_out_number_ == 0) worn_out_number_ = lowest_free_comm_number() + most_left_behind;
  if (slot >= slots_.size()) slots_.resize(slot + 1U);
  auto& entry = slots_[slot];
  if (CommAccess::native(entry.comm) == MPI_COMM_NULL || entry.epoch != epoch) {
    Comm fresh = make();
    CommAccess::note_use(fresh, taken_);
    entry.before = std::exchange(entry.comm, std::move(fresh));
    entry.epoch = epoch;
  }
  taken_.store(false, std::memory_order_relaxed);
  return entry.comm;
}

Comm const& TaskComms::for_initializer() {
  for_initializer_ = make();
  return for_initializer_;
}

TaskComms::Use TaskComms::use() {
  bool const taken = was_taken();
  bool const made = take_comm_was_made();
  is_to_be_counted_ = taken || made || ++tasks_ % tasks_per_count == 0;
  if (is_to_be_counted_ && !worn_out_ && process_ == RankProcess::of_group)
    worn_out_ = is_comm_number_used(worn_out_number_);
  return {.taken = taken, .worn_out = worn_out_};
}

void TaskComms::end_task(bool failed) {
  // in a group of one rank no other rank need take part
  if ((failed || was_taken()) && group_.size() == 1) slots_.clear();
  if (is_to_be_counted_ && process_ == RankProcess::of_run && comm_shortage() != CommShortage::none) free_leaked();
}

/// Returns a duplicate of the group's communicator in which no message waits.
Comm TaskComms::make() {
  for (;;) {
    Comm fresh = duplicate();
    if (!has_foreign_message(fresh)) {
      throw_on_error(CommAccess::native(fresh));
      return fresh;
    }
    set_aside_.push_back(std::move(fresh));  // not freed, so that MPI does not use its context id again
  }
}

/// Returns true on all ranks if a message waits on any of them. An earlier task has left it in a communicator that the
/// task made and freed: Open MPI keeps a message that comes late, and delivers it to the next communicator with the
/// same context id.
bool TaskComms::has_foreign_message(Comm const& comm) const {
  if (comm.size() == 1) return false;
  int found = 0;
  check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, CommAccess::native(comm), &found, MPI_STATUS_IGNORE), "MPI_Iprobe");
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &found, 1, MPI_INT, MPI_MAX, CommAccess::native(group_)), "MPI_Allreduce");
  return found != 0;
}

/// Returns true on all ranks if MPI has no communicator left on one of them, because tasks did not free theirs.
bool TaskComms::are_used_up() const {
  if (lowest_free_comm_number() == 0) return false;  // unknown
  int leaked = comm_shortage() != CommShortage::none ? 1 : 0;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &leaked, 1, MPI_INT, MPI_MAX, CommAccess::native(group_)), "MPI_Allreduce");
  return leaked != 0;
}

/// Frees what tasks have left behind.
void TaskComms::free_leaked() const {
  std::vector<MPI_Comm> own{CommAccess::native(group_), CommAccess::native(for_initializer_)};
  for (auto const& each : slots_) {
    own.push_back(CommAccess::native(each.comm));
    own.push_back(CommAccess::native(each.before));
  }
  for (auto const& each : set_aside_) own.push_back(CommAccess::native(each));
  free_leaked_comms(own);
}

/// If MPI has no communicator left, it has none left on all ranks: they fail together, and may try again together.
Comm TaskComms::duplicate() const try { return group_.duplicate(); } catch (MpiError const& error) {
  if (!are_used_up()) throw;
  if (process_ == RankProcess::of_run) {
    free_leaked();
    return group_.duplicate();
  }
  throw UsageError(
      fmt::format("MPI has no communicator left ({}): earlier tasks did not free theirs; call MPI_Comm_free for each "
                  "communicator that a task makes",
                  error.what()));
}

}  // namespace farm::detail
