#pragma once

#include <farm/detail/completion_watch.hpp>
#include <farm/future.hpp>

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

/// Waits for several futures at once. No function here polls. Each throws UsageError if a future is not valid().
namespace farm {

/// When wait() returns.
enum class ReturnWhen {
  first_completed,  ///< when one future is done, which includes cancelled
  first_exception,  ///< when one future has ended with an error, which does not include cancelled, or when all are done
  all_completed,    ///< when all futures are done
};

/// The result of wait(): each distinct future once, in the order of the input.
template <class R>
struct WaitResult {
  std::vector<Future<R>> done;      ///< including cancelled ones
  std::vector<Future<R>> not_done;  ///< the others
};

namespace detail {

/// Returns true if no state occurs twice. Throws UsageError if a state is null.
[[nodiscard]] bool all_distinct(std::vector<FutureState*> states);
/// Returns the index of the first occurrence of each state.
[[nodiscard]] std::vector<std::size_t> first_occurrences(std::vector<FutureState*> const& states);
/// Blocks until the condition holds or the deadline has passed. Each state occurs once.
void wait_for_states(std::vector<FutureState*> states, ReturnWhen when, Deadline deadline);
/// Throws the TimeoutError of as_completed().
[[noreturn]] void throw_not_all_done(std::size_t not_done, std::size_t all);

template <class R>
std::vector<FutureState*> states_of(std::vector<Future<R>> const& futures) {
  std::vector<FutureState*> states;
  states.reserve(futures.size());
  for (auto const& future : futures) states.push_back(future.state().get());
  return states;
}

/// Returns the futures without repetitions.
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

/// Blocks until the condition `when` holds, and returns which futures are done then.
template <class R>
WaitResult<R> wait(std::vector<Future<R>> futures, ReturnWhen when = ReturnWhen::all_completed) {
  return detail::wait_by(std::move(futures), when, detail::never);
}

/// As above, but blocks no longer than the timeout. It is no error if the timeout passes.
template <class R, class Rep, class Period>
WaitResult<R> wait(std::vector<Future<R>> futures, ReturnWhen when, std::chrono::duration<Rep, Period> timeout) {
  return detail::wait_by(std::move(futures), when, detail::deadline_after(timeout));
}

/// Waits for futures that are listed in the call: `wait({a, b}, ReturnWhen::first_completed)`.
template <class R>
WaitResult<R> wait(std::initializer_list<Future<R>> futures, ReturnWhen when = ReturnWhen::all_completed) {
  return detail::wait_by(std::vector<Future<R>>(futures), when, detail::never);
}

/// As above, but blocks no longer than the timeout.
template <class R, class Rep, class Period>
WaitResult<R> wait(std::initializer_list<Future<R>> futures, ReturnWhen when,
                   std::chrono::duration<Rep, Period> timeout) {
  return detail::wait_by(std::vector<Future<R>>(futures), when, detail::deadline_after(timeout));
}

/// Waits for futures of several types: `wait({a, b})`, where a is a Future<int> and b a Future<std::string>. The
/// futures in the result are Future<void>, which compare equal to those given.
inline WaitResult<void> wait(std::initializer_list<Future<void>> futures, ReturnWhen when = ReturnWhen::all_completed) {
  return detail::wait_by(std::vector<Future<void>>(futures), when, detail::never);
}

/// As above, but blocks no longer than the timeout.
template <class Rep, class Period>
WaitResult<void> wait(std::initializer_list<Future<void>> futures, ReturnWhen when,
                      std::chrono::duration<Rep, Period> timeout) {
  return detail::wait_by(std::vector<Future<void>>(futures), when, detail::deadline_after(timeout));
}

namespace detail {

/// R if all futures are Future<R>; void otherwise.
template <class R, class... Rs>
using common_result = std::conditional_t<(std::is_same_v<R, Rs> && ...), R, void>;

}  // namespace detail

/// Blocks until all of these futures, which may have different types, are done: `wait(a, b)`.
template <class R, class... Rs>
WaitResult<detail::common_result<R, Rs...>> wait(Future<R> const& first, Future<Rs> const&... others) {
  using Common = Future<detail::common_result<R, Rs...>>;
  return detail::wait_by(std::vector<Common>{Common(first), Common(others)...}, ReturnWhen::all_completed,
                         detail::never);
}

/// The range that as_completed() returns. One thread may go through it once; begin() and ++ block until the next future
/// is done.
template <class R>
class AsCompleted {
 public:
  /// The input iterator of the range.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;  ///< for the standard library
    using value_type = Future<R>;                      ///< for the standard library
    using difference_type = std::ptrdiff_t;            ///< for the standard library

    /// Constructs an iterator of no range, which may only be assigned to or destroyed.
    Iterator() = default;
    /// Returns the future, which the next increment replaces.
    Future<R>& operator*() const { return range_->current_; }
    /// As above.
    Future<R>* operator->() const { return &range_->current_; }
    /// Blocks until the next future is done. Throws TimeoutError if the timeout passes first.
    Iterator& operator++() {
      range_->advance();
      return *this;
    }
    /// As above.
    void operator++(int) { range_->advance(); }
    /// Returns true if all futures were handed out.
    bool operator==(std::default_sentinel_t) const { return !range_->current_.valid(); }

   private:
    friend class AsCompleted;
    explicit Iterator(AsCompleted& range) : range_(&range) {}
    AsCompleted* range_ = nullptr;
  };

  /// Constructs the range of the distinct futures. For the library itself; call as_completed() instead.
  AsCompleted(std::vector<Future<R>> futures, detail::Deadline deadline)
      : futures_(detail::distinct(std::move(futures))),
        watch_(std::make_unique<detail::CompletionWatch>(detail::states_of(futures_))),
        deadline_(deadline) {}
  /// Moves the range; no iterator of the moved-from range may be used.
  AsCompleted(AsCompleted&&) noexcept = default;
  AsCompleted& operator=(AsCompleted&&) = delete;
  ~AsCompleted() = default;

  /// Blocks until the first future is done. Throws TimeoutError if the timeout passes first.
  Iterator begin() {
    if (given_ == 0) advance();
    return Iterator{*this};
  }
  /// Returns the end of the range.
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  void advance() {
    current_ = Future<R>{};
    if (given_ == futures_.size()) return;
    auto const index = watch_->next(deadline_);
    if (!index) detail::throw_not_all_done(futures_.size() - given_, futures_.size());
    current_ = std::move(futures_[*index]);  // the range keeps alive no result that was handed out
    ++given_;
  }

  std::vector<Future<R>> futures_;
  std::unique_ptr<detail::CompletionWatch> watch_;  // destroyed before the futures
  detail::Deadline deadline_;
  std::size_t given_ = 0;
  Future<R> current_;
};

/// Returns a range of the distinct futures in the order in which they are done. It begins with those that are done
/// already, in the order of `futures`.
template <class R>
[[nodiscard]] AsCompleted<R> as_completed(std::vector<Future<R>> futures) {
  return AsCompleted<R>{std::move(futures), detail::never};
}

/// As above, with a timeout that counts from this call. After it, an increment throws TimeoutError if no further future
/// is done.
template <class R, class Rep, class Period>
[[nodiscard]] AsCompleted<R> as_completed(std::vector<Future<R>> futures, std::chrono::duration<Rep, Period> timeout) {
  return AsCompleted<R>{std::move(futures), detail::deadline_after(timeout)};
}

/// The futures that are listed in the call: `as_completed({a, b})`.
template <class R>
[[nodiscard]] AsCompleted<R> as_completed(std::initializer_list<Future<R>> futures) {
  return AsCompleted<R>{std::vector<Future<R>>(futures), detail::never};
}

/// The futures that are listed in the call, of several types. The range yields them as Future<void>, which compare
/// equal to those given.
[[nodiscard]] inline AsCompleted<void> as_completed(std::initializer_list<Future<void>> futures) {
  return AsCompleted<void>{std::vector<Future<void>>(futures), detail::never};
}

/// As above, as arguments: `as_completed(a, b)`.
template <class R, class... Rs>
[[nodiscard]] AsCompleted<detail::common_result<R, Rs...>> as_completed(Future<R> const& first,
                                                                        Future<Rs> const&... others) {
  using Common = Future<detail::common_result<R, Rs...>>;
  return AsCompleted<detail::common_result<R, Rs...>>{std::vector<Common>{Common(first), Common(others)...},
                                                      detail::never};
}

}  // namespace farm
