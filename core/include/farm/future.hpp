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

/// The R of the Future<R> that a callable's result of type T becomes.
template <class T>
using FlatOf = typename Flat<std::remove_cvref_t<T>>::type;

template <class F, class R>
struct OnValue {
  using type = std::invoke_result_t<F, R>;
};
template <class F>
struct OnValue<F, void> {
  using type = std::invoke_result_t<F>;
};

[[noreturn]] void throw_invalid_future();

}  // namespace detail

/// What a task will have given: a handle, cheap to copy, whose copies all stand for the same task.
///
/// Every function may be called from any thread. All but valid() throw UsageError on a default-constructed future. A
/// future that is dropped does not cancel its task. Callbacks and chained functions run on the thread that completes
/// the future, which serves all others as well: let them be short, and never wait there for another task.
template <class R>
class Future {
 public:
  using value_type = R;

  Future() noexcept = default;
  /// The future of a state whose value is packed, or was made here.
  explicit Future(detail::StatePtr state) noexcept : state_(std::move(state)), decode_(&detail::decode_packed<R>) {}
  /// The future of a state whose value is made in this process; R need not be serializable.
  [[nodiscard]] static Future local(detail::StatePtr state) noexcept { return Future{std::move(state), nullptr}; }

  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(state_); }
  /// Ended: with a value, an error, or cancelled.
  [[nodiscard]] bool done() const { return checked().done(); }
  [[nodiscard]] bool running() const { return checked().status() == detail::FutureState::Status::running; }
  [[nodiscard]] bool cancelled() const { return checked().status() == detail::FutureState::Status::cancelled; }

  /// How much its task says is done, 0 to 1, by its TaskContext; 0 where it says nothing.
  [[nodiscard]] double progress() const { return checked().progress(); }

  /// True where it is cancelled by this call or was before: what had not started; and a task that runs where its
  /// TaskOptions::cancellable says so, which is stopped then. False for others that run, and where it is done.
  bool cancel() const { return checked().cancel(); }

  /// Blocks until done, and gives the value: unpacked anew by each call, or a copy of what was made in this process.
  /// What can not be copied is moved out, and a second call throws std::logic_error. Throws the task's error;
  /// CancelledError; TimeoutError, after which the future is as before; SerializationError where the value cannot be
  /// unpacked as an R.
  R result() const { return result_by(detail::never); }
  template <class Rep, class Period>
  R result(std::chrono::duration<Rep, Period> timeout) const {
    return result_by(detail::deadline_after(timeout));
  }

  /// Blocks until done, and gives its error; null where it has a value. Throws CancelledError; TimeoutError as
  /// result().
  [[nodiscard]] std::exception_ptr exception() const { return exception_by(detail::never); }
  template <class Rep, class Period>
  [[nodiscard]] std::exception_ptr exception(std::chrono::duration<Rep, Period> timeout) const {
    return exception_by(detail::deadline_after(timeout));
  }

  /// Calls f(Future<R>) once when it is done, callbacks in the order in which they were added; at once and on this
  /// thread where it is done already. What f throws is logged and ignored.
  template <class F>
  void add_done_callback(F f) const {
    checked().add_callback([f = std::move(f), decode = decode_](detail::FutureState& state) mutable {
      f(Future{detail::StatePtr{&state}, decode});
    });
  }

  /// The future of f(value), or f() for a Future<void>; where f gives a Future<U>, a Future<U> that ends as that one
  /// does. An error or a cancellation passes to it without f being called; an exception from f becomes its error. A
  /// future that would wait for itself fails with UsageError. Cancelling it does not cancel this one.
  template <class F>
  auto then(F f) const -> Future<detail::FlatOf<typename detail::OnValue<F, R>::type>>;

  /// A future of the same value; or, of an error, of what f(std::exception_ptr) gives in its place: an R, a Future<R>,
  /// or another std::exception_ptr. A cancellation passes to it without f being called. Otherwise as then().
  template <class F>
  auto catch_error(F f) const -> Future<R>;

  /// Whether both stand for the same task.
  friend bool operator==(Future const& a, Future const& b) noexcept { return a.state_ == b.state_; }

  /// For the farm itself: the shared state, null where not valid().
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

#include <farm/detail/future_then.hpp>
