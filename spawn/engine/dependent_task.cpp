#include "spawn/engine/dependent_task.hpp"

#include "core/base/failure.hpp"
#include "core/future/state_set.hpp"
#include "spawn/engine/task_call.hpp"

#include <farm/detail/future_chain.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
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

SourceCountdown::SourceCountdown(IntrusivePtr<DependentTask> task, ArgumentSources sources,
                                 std::function<PackedCall()> make_call)
    : task_(std::move(task)),
      missing_(sources.states.size() + 1),
      sources_(std::move(sources)),
      make_call_(std::move(make_call)) {}

bool SourceCountdown::source_done() {
  if (missing_.fetch_sub(1, std::memory_order_acq_rel) != 1) return false;
  task_->forget_sources();
  bool const is_ready = !task_->done() && !take_over_failure() && make_call();
  sources_ = {};
  make_call_ = nullptr;
  return is_ready;
}

bool SourceCountdown::is_for_others(StateSet const& states) const {
  return !task_->done() && !states.contains(task_.get());
}

/// Returns "4, sim 37" for a source: the number of its argument, its place if the argument is a vector of futures, and
/// the name of its task if it has one.
std::string SourceCountdown::name_of_argument(std::size_t source) const {
  auto const& arguments = sources_.arguments;
  auto const [first, last] = std::equal_range(arguments.begin(), arguments.end(), arguments[source]);
  auto text = std::to_string(arguments[source]);
  if (last - first > 1) {
    auto const place = source - static_cast<std::size_t>(first - arguments.begin());
    text += fmt::format(" (element {} of {})", place + 1, last - first);
  }
  if (auto const name = sources_.states[source]->description(); !name.empty()) text += ", " + name + ",";
  return text;
}

/// Ends the task as the first source that has no value did. Returns false if all have values.
bool SourceCountdown::take_over_failure() const {
  auto const& states = sources_.states;
  for (std::size_t i = 0; i < states.size(); ++i) {
    auto const status = states[i]->status();
    if (status == FutureState::Status::error) {
      auto const not_run =
          fmt::format("task {} did not run, because its argument {} failed: ", task_->label(), name_of_argument(i));
      task_->set_error(with_reason(std::get<std::exception_ptr>(states[i]->result()), not_run));
      return true;
    }
    if (status == FutureState::Status::cancelled) {
      task_->set_cancelled(std::make_exception_ptr(
          CancelledError(fmt::format("the task was cancelled with what it waited for: future {} of {} among its "
                                     "arguments was cancelled",
                                     i + 1, states.size()))));
      return true;
    }
  }
  return false;
}

bool SourceCountdown::make_call() {
  try {
    set_call(*task_, make_call_());
    return true;
  } catch (...) {
    task_->set_error(std::current_exception());
    return false;
  }
}

}  // namespace farm::detail
