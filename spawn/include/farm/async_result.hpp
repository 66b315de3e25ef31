#pragma once

#include <farm/future.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace farm {

/// Functions that are called when an AsyncResult<T> is complete; the first argument of the `_async` functions. The
/// thread that completes the result calls them. That thread serves all other results too, so keep the functions short.
/// An exception that they throw is logged and ignored.
template <class T>
struct Callbacks {
  std::function<void(T)> callback{};                         ///< called with the value
  std::function<void(std::exception_ptr)> error_callback{};  ///< called with the error, or with a CancelledError
};

/// The callbacks of a function that returns nothing.
template <>
struct Callbacks<void> {
  std::function<void()> callback{};                          ///< called when the function has returned
  std::function<void(std::exception_ptr)> error_callback{};  ///< called with the error, or with a CancelledError
};

namespace detail {

/// Throws the UsageError of successful().
[[noreturn]] void throw_not_ready();

/// Returns the error of a completed state, a CancelledError if the state was cancelled, or null if it has a value.
[[nodiscard]] std::exception_ptr error_or_cancellation(FutureState const& state);

/// Makes the future call one of the callbacks when it is complete.
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

/// The result that the `_async` functions of pools return: a Future with the functions of a multiprocessing
/// AsyncResult. Any thread may call any function. Destroying it cancels nothing.
template <class T>
class AsyncResult {
 public:
  /// Constructs the result of `future`.
  explicit AsyncResult(Future<T> future) : future_(std::move(future)) {}

  /// Returns true if the result is complete: with a value, with an error, or cancelled. Does not block.
  [[nodiscard]] bool ready() const { return future_.done(); }

  /// Returns true if the result is a value. Does not block. Throws UsageError if the result is not ready().
  [[nodiscard]] bool successful() const {
    if (!ready()) detail::throw_not_ready();
    return !detail::error_or_cancellation(*future_.state());
  }

  /// Blocks until the result is complete, and returns its value. Throws what Future::result() throws.
  T get() const { return future_.result(); }

  /// Blocks until the result is complete, for at most `timeout`, and returns its value. Throws what Future::result()
  /// throws; throws TimeoutError if the result is not complete in time, and the task goes on.
  template <class Rep, class Period>
  T get(std::chrono::duration<Rep, Period> timeout) const {
    return future_.result(timeout);
  }

  /// Blocks until the result is complete. Throws no error of the task.
  void wait() const { future_.state()->wait_until(detail::never); }

  /// Blocks until the result is complete, for at most `timeout`. Throws neither an error of the task nor TimeoutError:
  /// ask ready() afterwards.
  template <class Rep, class Period>
  void wait(std::chrono::duration<Rep, Period> timeout) const {
    future_.state()->wait_until(detail::deadline_after(timeout));
  }

  /// Returns the future behind this result.
  [[nodiscard]] Future<T> const& future() const { return future_; }

 private:
  Future<T> future_;
};

}  // namespace farm
