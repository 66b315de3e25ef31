#include "core/scheduler/fairness.hpp"

#include <cstdint>

namespace farm::detail {
namespace {

/// How many less urgent tasks of other sizes may start before a task that finds no room.
constexpr std::uint64_t most_overtaken = 64;

}  // namespace

void Fairness::overtake(Task const& task, SizeClass& size) {
  auto const* const waiting = size.queue.front();
  if (waiting == nullptr || !is_more_urgent(*waiting, task)) return;
  if (++size.overtaken < most_overtaken) return;
  auto const* const favored_task = favored_ != nullptr ? favored_->queue.front() : nullptr;
  if (favored_task == nullptr || is_more_urgent(*waiting, *favored_task)) favored_ = &size;
}

void Fairness::group_starts(SizeClass& size) {
  size.overtaken = 0;
  if (favored_ == &size) favored_ = nullptr;
}

SizeClass* Fairness::favored_with_tasks_over(SizeClass const& size) {
  if (favored_->queue.front() == nullptr) favored_ = nullptr;
  return favored_ != &size ? favored_ : nullptr;
}

}  // namespace farm::detail
