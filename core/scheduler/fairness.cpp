#include "core/scheduler/fairness.hpp"

#include <cstdint>

namespace farm::detail {
namespace {

/// How many less urgent tasks of other classes may start before a task that finds no room.
constexpr std::uint64_t most_overtaken = 64;

}  // namespace

void Fairness::overtake(Task const& task, RequestClass& kind) {
  auto const* const waiting = kind.queue.front();
  if (waiting == nullptr || !is_more_urgent(*waiting, task)) return;
  if (++kind.overtaken < most_overtaken) return;
  auto const* const favored_task = favored_ != nullptr ? favored_->queue.front() : nullptr;
  if (favored_task == nullptr || is_more_urgent(*waiting, *favored_task)) favored_ = &kind;
}

void Fairness::group_starts(RequestClass& kind) {
  kind.overtaken = 0;
  if (favored_ == &kind) favored_ = nullptr;
}

RequestClass* Fairness::favored_with_tasks_over(RequestClass const& kind) {
  if (favored_->queue.front() == nullptr) favored_ = nullptr;
  return favored_ != &kind ? favored_ : nullptr;
}

}  // namespace farm::detail
