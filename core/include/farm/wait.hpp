#pragma once

#include <farm/detail/completion_watch.hpp>
#include <farm/future.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

/// Waiting for several futures at once. No function here polls; each throws UsageError where a future is not valid().
namespace farm {

enum class ReturnWhen {
  first_completed,  ///< one is done, a cancelled one included
  first_exception,  ///< one has ended with an error; cancelled is none; else all_completed
  all_completed,
};

/// The distinct futures of the input, in its order.
template <class R>
struct WaitResult {
  std::vector<Future<R>> done;  ///< cancelled ones included
  std::vector<Future<R>> not_done;
};

namespace detail {

/// Whether no state occurs twice. Throws UsageError for a null one.
[[nodiscard]] bool all_distinct(std::vector<FutureState*> states);
[[nodiscard]] std::vector<std::size_t> first_occurrences(std::vector<FutureState*> const& states);
void wait_for_states(std::vector<FutureState*> states, ReturnWhen when, Deadline deadline);
[[noreturn]] void throw_not_all_done(std::size_t not_done, std::size_t all);

template <class R>
std::vector<FutureState*> states_of(std::vector<Future<R>> const& futures) {
  std::vector<FutureState*> states;
  states.reserve(futures.size());
  for (auto const& future : futures) states.push_back(future.state().get());
  return states;
}

/// Leaves the first of those futures that are the same.
template <class R>
std::vector<Future<R>> distinct(std::vector<Future<R>> futures) {
  auto const states = states_of(futures);
  if (all_distinct(states)) return futures;
  std::vector<Future<R>> result;
  for (auto const index : first_occurrences(states)) result.push_back(std::move(futures[index]));
  return result;
}

template <class R>
WaitResult<R> wait_by(std::vector<Future<R>> futures, ReturnWhen when, Deadline deadline) {
  futures = distinct(std::move(futures));
  wait_for_states(states_of(futures), when, deadline);
  WaitResult<R> result;
  for (auto& future : futures) (future.done() ? result.done : result.not_done).push_back(std::move(future));
  return result;
}

}  // namespace detail

/// Blocks until what `when` says, and tells which futures are done then.
template <class R>
WaitResult<R> wait(std::vector<Future<R>> futures, ReturnWhen when = ReturnWhen::all_completed) {
  return detail::wait_by(std::move(futures), when, detail::never);
}

/// The same, but for no longer than the timeout; that it has passed is no error.
template <class R, class Rep, class Period>
WaitResult<R> wait(std::vector<Future<R>> futures, ReturnWhen when, std::chrono::duration<Rep, Period> timeout) {
  return detail::wait_by(std::move(futures), when, detail::deadline_after(timeout));
}

/// What as_completed() gives: a range to go through once, by one thread. Its begin() and ++ block for the next future.
template <class R>
class AsCompleted {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Future<R>;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Future<R>& operator*() const { return range_->current_; }
    Future<R>* operator->() const { return &range_->current_; }
    Iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { range_->advance(); }
    bool operator==(std::default_sentinel_t) const { return !range_->current_.valid(); }

   private:
    friend class AsCompleted;
    explicit Iterator(AsCompleted& range) : range_(&range) {}
    AsCompleted* range_ = nullptr;
  };

  AsCompleted(std::vector<Future<R>> futures, detail::Deadline deadline)
      : futures_(detail::distinct(std::move(futures))),
        watch_(std::make_unique<detail::CompletionWatch>(detail::states_of(futures_))),
        deadline_(deadline) {}
  AsCompleted(AsCompleted&&) noexcept = default;
  AsCompleted& operator=(AsCompleted&&) = delete;
  ~AsCompleted() = default;

  Iterator begin() {
    if (given_ == 0) advance();
    return Iterator{*this};
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  void advance() {
    current_ = Future<R>{};
    if (given_ == futures_.size()) return;
    auto const index = watch_->next(deadline_);
    if (!index) detail::throw_not_all_done(futures_.size() - given_, futures_.size());
    current_ = std::move(futures_[*index]);  // the range keeps no result alive that was given
    ++given_;
  }

  std::vector<Future<R>> futures_;
  std::unique_ptr<detail::CompletionWatch> watch_;  // goes before the futures
  detail::Deadline deadline_;
  std::size_t given_ = 0;
  Future<R> current_;
};

/// Gives each distinct future once, as it is done; first those that are done already, in their order.
template <class R>
[[nodiscard]] AsCompleted<R> as_completed(std::vector<Future<R>> futures) {
  return AsCompleted<R>{std::move(futures), detail::never};
}

/// The same; going on past the timeout, which counts from this call, throws TimeoutError while no further future is
/// done.
template <class R, class Rep, class Period>
[[nodiscard]] AsCompleted<R> as_completed(std::vector<Future<R>> futures, std::chrono::duration<Rep, Period> timeout) {
  return AsCompleted<R>{std::move(futures), detail::deadline_after(timeout)};
}

}  // namespace farm
