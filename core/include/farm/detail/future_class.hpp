#pragma once

#include <farm/detail/deadline.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/detail/future_value.hpp>

#include <chrono>
#include <exception>
#include <type_traits>
#include <utility>

namespace farm {

template <class R>
class Future;

namespace detail {

template <class T>
struct Flat {
  using type = T;
};
template <class R>
struct Flat<Future<R>> {
  using type = R;
};

/// The R of the Future<R> that then() returns for a function whose result is a T: a Future<U> becomes its U.
template <class T>
using FlatOf = typename Flat<std::remove_cvref_t<T>>::type;

/// What F returns when it is called with the value of a Future<R>.
template <class F, class R>
struct OnValue {
  using type = std::invoke_result_t<F, R>;
};
template <class F>
struct OnValue<F, void> {
  using type = std::invoke_result_t<F>;
};

/// Throws the UsageError for a future that is not valid().
[[noreturn]] void throw_invalid_future();

}  // namespace detail

/// Asks Future::cancel() to cancel the tasks whose values are arguments, too.
struct WithArguments {};
/// The WithArguments to pass.
inline constexpr WithArguments with_arguments{};

/// A handle to the result of a task, which may not exist yet. Copies are cheap, and all refer to the same task.
///
/// Every function may be called from any thread. Every function except valid() throws UsageError if the future is not
/// valid(). Dropping a future does not cancel its task.
///
/// Callbacks and chained functions run on the thread that completes the future, and have returned before anybody who
/// waits for the future goes on: until then it is not done(), except inside of them. That thread serves all other tasks
/// as well, so callbacks should be short. A callback may wait for another task; then() says the same without waiting.
template <class R>
class Future {
 public:
  using value_type = R;  ///< the type of the value

  /// Constructs a Future<void> of a task whatever its value: for functions that wait for futures of several types. Its
  /// result() returns nothing, and throws as that of the other future.
  template <class U>
  requires(std::is_void_v<R> && !std::is_void_v<U>)
      // NOLINTNEXTLINE(google-explicit-constructor): any future can be waited for
      Future(Future<U> const& other)
      : Future(other.state(), nullptr) {}
  /// Constructs a future that refers to no task: valid() is false.
  Future() noexcept = default;
  /// Constructs a future from a state whose value is packed, or was made in this process. For the library itself.
  explicit Future(detail::StatePtr state) noexcept : state_(std::move(state)), decode_(&detail::decode_packed<R>) {}
  /// Returns a future of a state whose value is made in this process, so that R need not be serializable. For the
  /// library itself.
  [[nodiscard]] static Future local(detail::StatePtr state) noexcept { return Future{std::move(state), nullptr}; }

  /// Returns true if the future refers to a task.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(state_); }
  /// Returns true if the task has ended: with a value, with an error, or cancelled.
  [[nodiscard]] bool done() const { return checked().settled(); }
  /// Returns true if the task has started and has not ended.
  [[nodiscard]] bool running() const {
    auto const& state = checked();
    return state.done() ? !state.settled() : state.status() == detail::FutureState::Status::running;
  }
  /// Returns true if the task was cancelled.
  [[nodiscard]] bool cancelled() const {
    auto const& state = checked();
    return state.status() == detail::FutureState::Status::cancelled && state.settled();
  }

  /// Returns the part of the task that is done, from 0 to 1, as the task last reported it through
  /// TaskContext::set_progress(); 0 if the task has reported nothing.
  [[nodiscard]] double progress() const { return checked().progress(); }

  /// Cancels the task, and returns true if it is cancelled now. A task that has not started can always be cancelled. A
  /// task that runs can be cancelled only if its TaskOptions::cancellable is set; it is then stopped. Returns true for
  /// a task that was cancelled before, and false for one that has ended otherwise. Does not block.
  bool cancel() const { return checked().cancel(); }
  /// Does the same, and also cancels the tasks that this one waits for, directly and indirectly, unless somebody else
  /// waits for them: another task that is not cancelled, a callback, a chained future, or a thread:
  /// `report.cancel(with_arguments)`. Cancels nothing if this task cannot be cancelled.
  bool cancel(WithArguments /*unused*/) const { return checked().cancel_with_sources(); }

  /// Blocks until the task has ended, and returns its value. Each call unpacks the value anew, or copies it if it was
  /// made in this process. A value made in this process whose type cannot be copied is moved out, and a second call
  /// throws std::logic_error.
  ///
  /// Throws the task's error; CancelledError if the task was cancelled; TimeoutError if the timeout passes first, which
  /// changes nothing; and SerializationError if the value cannot be unpacked as an R.
  R result() const { return result_by(detail::never); }
  /// As above, but blocks no longer than the timeout.
  template <class Rep, class Period>
  R result(std::chrono::duration<Rep, Period> timeout) const {
    return result_by(detail::deadline_after(timeout));
  }

  /// Blocks until the task has ended, and returns its error; null if the task has a value. Throws CancelledError if the
  /// task was cancelled, and TimeoutError if the timeout passes first.
  [[nodiscard]] std::exception_ptr exception() const { return exception_by(detail::never); }
  /// As above, but blocks no longer than the timeout.
  template <class Rep, class Period>
  [[nodiscard]] std::exception_ptr exception(std::chrono::duration<Rep, Period> timeout) const {
    return exception_by(detail::deadline_after(timeout));
  }

  /// Calls f(Future<R>) once when the task has ended: on the thread that completes the future, or at once on this
  /// thread if the task has ended already. Callbacks run in the order in which they were added. An exception that f
  /// throws is logged and ignored.
  template <class F>
  void add_done_callback(F f) const {
    checked().add_callback([f = std::move(f), decode = decode_](detail::FutureState& state) mutable {
      f(Future{detail::StatePtr{&state}, decode});
    });
  }

  /// Returns a future of f(value), or of f() for a Future<void>. If f returns a future, the result is a future of the
  /// same type that ends as the returned one does.
  ///
  /// If this future fails or is cancelled, the new one ends in the same way and f is not called. An exception that f
  /// throws becomes the error of the new future. A future that would wait for itself fails with UsageError. Cancelling
  /// the new future does not cancel this one.
  template <class F>
  auto then(F f) const -> Future<detail::FlatOf<typename detail::OnValue<F, R>::type>>;

  /// Returns a future of the same value, or, if this future fails, of f(std::exception_ptr). f returns an R, a
  /// Future<R>, or another std::exception_ptr, which becomes the error. If this future is cancelled, the new one is
  /// cancelled and f is not called. Otherwise like then().
  template <class F>
  auto catch_error(F f) const -> Future<R>;

  /// Returns true if both refer to the same task.
  friend bool operator==(Future const& a, Future const& b) noexcept { return a.state_ == b.state_; }

  /// Returns the value of a task that has ended, or throws its error, without waiting for its callbacks. For the
  /// library itself.
  R done_value() const {
    detail::require_value(*state_);
    return detail::value_of<R>(*state_, decode_);
  }

  /// Returns the shared state; null if the future is not valid(). For the library itself.
  [[nodiscard]] detail::StatePtr const& state() const noexcept { return state_; }

 private:
  Future(detail::StatePtr state, detail::Decoder<R> decode) noexcept : state_(std::move(state)), decode_(decode) {}

  [[nodiscard]] detail::FutureState& checked() const {
    if (!state_) detail::throw_invalid_future();
    return *state_;
  }
  R result_by(detail::Deadline deadline) const {
    checked().wait_until(deadline);
    detail::require_value(*state_);
    return detail::value_of<R>(*state_, decode_);
  }
  std::exception_ptr exception_by(detail::Deadline deadline) const {
    checked().wait_until(deadline);
    return detail::error_of(*state_);
  }

  detail::StatePtr state_;
  detail::Decoder<R> decode_ = nullptr;
};

}  // namespace farm
