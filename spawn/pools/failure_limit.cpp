#include <farm/detail/chunk_results.hpp>
#include <farm/detail/failure_limit.hpp>

#include <farm/error.hpp>
#include <farm/outcome.hpp>

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace farm::detail {
namespace {

/// Returns the text of the first error in a chunk that collects errors and has some.
std::string first_error_part(FutureState const& chunk, std::string_view packed) {
  while (packed.front() != error_mark) static_cast<void>(take_part(packed));
  return text_of_error(error_of_input(chunk, take_part(packed)));
}

}  // namespace

void FailureLimit::add(FutureState& task, std::int64_t inputs, bool in_parts) {
  std::uint64_t number = 0;
  std::exception_ptr reached;
  {
    std::scoped_lock const lock{mutex_};
    number = added_++;
    reached = error_;
    if (!reached) open_.emplace(number, StatePtr{&task});
  }
  if (reached) {
    task.cancel_pending(reached);
    return;
  }
  task.add_callback([self = shared_from_this(), number, inputs, in_parts](FutureState& done) {
    self->task_done(done, number, inputs, in_parts);
  });
}

std::exception_ptr FailureLimit::error() const {
  std::scoped_lock const lock{mutex_};
  return error_;
}

void FailureLimit::task_done(FutureState const& task, std::uint64_t number, std::int64_t inputs, bool in_parts) {
  std::int64_t failed = 0;
  std::string text;
  if (task.status() == FutureState::Status::error) {
    auto const& error = std::get<std::exception_ptr>(task.result());
    bool const runs_again = in_parts && inputs > 1 && concerns_one_chunk(error);  // each input as a task of its own
    failed = runs_again ? 0 : inputs;
    if (failed > 0) text = text_of_error(error);
  } else if (task.status() == FutureState::Status::value && in_parts) {
    auto const& packed = std::get<Bytes>(task.result());
    failed = count_error_parts(packed);
    if (failed > 0) text = first_error_part(task, packed);
  }
  decltype(open_) to_cancel;
  std::exception_ptr why;
  {
    std::scoped_lock const lock{mutex_};
    open_.erase(number);
    if (failed == 0 || error_) return;
    if (failed_ == 0) first_ = std::move(text);
    failed_ += failed;
    if (failed_ < max_fails_) return;
    error_ = std::make_exception_ptr(TooManyFailures(
        fmt::format("not started, because {} input{} of the {} failed (max_fails = {}); the first failure: {}", failed_,
                    failed_ == 1 ? "" : "s", what_, max_fails_, first_)));
    why = error_;
    to_cancel.swap(open_);
  }
  // In reverse order, so that no group starts a task that is about to be cancelled.
  for (auto each = to_cancel.rbegin(); each != to_cancel.rend(); ++each) each->second->cancel_pending(why);
}

}  // namespace farm::detail
