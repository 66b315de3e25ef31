#pragma once

#include <farm/future.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace farm {

/// What is called when an AsyncResult<T> is there: the first argument of the _async functions. On the thread that
/// completes it, which serves all others as well: let them be short. What they throw is logged and ignored.
template <class T>
struct Callbacks {
  std::function<void(T)> callback{};
  std::function<void(std::exception_ptr)> error_callback{};
};
template <>
struct Callbacks<void> {
  std::function<void()> callback{};
  std::function<void(std::exception_ptr)> error_callback{};
};

namespace detail {

[[noreturn]] void throw_not_ready();
/// Its error, or CancelledError.
[[nodiscard]] std::exception_ptr error_or_cancellation(FutureState const& state);

template <class T, class U>
void add_callbacks(Future<T> const& future, Callbacks<U> callbacks) {
  future.add_done_callback([callbacks = std::move(callbacks)](Future<T> const& done) {
    if (auto error = error_or_cancellation(*done.state())) {
      if (callbacks.error_callback) callbacks.error_callback(std::move(error));
    } else if (!callbacks.callback) {
      return;
    } else if constexpr (std::is_void_v<T>) {
      callbacks.callback();
    } else {
      callbacks.callback(done.result());
    }
  });
}

}  // namespace detail

/// The Future of the pools. Every function may be called from any thread.
template <class T>
class AsyncResult {
 public:
  explicit AsyncResult(Future<T> future) : future_(std::move(future)) {}

  /// Whether it is there, a failure included.
  [[nodiscard]] bool ready() const { return future_.done(); }
  /// Whether it is a value. Throws UsageError where it is not ready().
  [[nodiscard]] bool successful() const {
    if (!ready()) detail::throw_not_ready();
    return !detail::error_or_cancellation(*future_.state());
  }

  /// Blocks until it is there; throws as Future::result() does: TimeoutError too.
  T get() const { return future_.result(); }
  template <class Rep, class Period>
  T get(std::chrono::duration<Rep, Period> timeout) const {
    return future_.result(timeout);
  }

  /// Blocks until it is there, or for as long as the timeout; says nothing of how it went.
  void wait() const { future_.state()->wait_until(detail::never); }
  template <class Rep, class Period>
  void wait(std::chrono::duration<Rep, Period> timeout) const {
    future_.state()->wait_until(detail::deadline_after(timeout));
  }

  [[nodiscard]] Future<T> const& future() const { return future_; }

 private:
  Future<T> future_;
};

}  // namespace farm
