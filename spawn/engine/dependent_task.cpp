#include "spawn/engine/dependent_task.hpp"

#include <farm/detail/future_chain.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <exception>
#include <mutex>
#include <utility>

namespace farm::detail {

void DependentTask::append_sources(std::vector<StatePtr>& sources) const {
  sources.insert(sources.end(), sources_.begin(), sources_.end());
}

void DependentTask::forget_sources() {
  std::vector<StatePtr> sources;  // destroyed after the lock: the end of a state may need it
  std::scoped_lock const lock{graph_mutex()};
  sources.swap(sources_);
}

SourceCountdown::SourceCountdown(IntrusivePtr<DependentTask> task, std::vector<StatePtr> sources,
                                 std::function<PackedCall()> make_call)
    : task_(std::move(task)),
      missing_(sources.size() + 1),
      sources_(std::move(sources)),
      make_call_(std::move(make_call)) {}

bool SourceCountdown::source_done() {
  if (missing_.fetch_sub(1, std::memory_order_acq_rel) != 1) return false;
  task_->forget_sources();
  bool const is_ready = !task_->done() && !take_over_failure() && make_call();
  sources_.clear();
  make_call_ = nullptr;
  return is_ready;
}

/// Ends the task as the first source that has no value did. Returns false if all have values.
bool SourceCountdown::take_over_failure() const {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    auto const status = sources_[i]->status();
    if (status == FutureState::Status::error) {
      task_->set_error(std::get<std::exception_ptr>(sources_[i]->result()));
      return true;
    }
    if (status == FutureState::Status::cancelled) {
      task_->set_cancelled(std::make_exception_ptr(
          CancelledError(fmt::format("the task was cancelled with what it waited for: future {} of {} among its "
                                     "arguments was cancelled",
                                     i + 1, sources_.size()))));
      return true;
    }
  }
  return false;
}

bool SourceCountdown::make_call() {
  try {
    auto call = make_call_();
    task_->call = std::move(call.bytes);
    task_->listens = call.listens;
    if (!call.keepers.empty()) task_->make_rare().inputs = std::move(call.keepers);
    return true;
  } catch (...) {
    task_->set_error(std::current_exception());
    return false;
  }
}

}  // namespace farm::detail
