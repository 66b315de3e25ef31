#pragma once

#include <farm/future.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace farm {

/// The promise of this future was destroyed before it had a value or an error.
class BrokenPromise : public detail::ErrorOf<std::logic_error> {
  using ErrorOf::ErrorOf;
};

namespace detail {

/// Completes the state with BrokenPromise unless it is done.
void break_promise(FutureState& state);

}  // namespace detail

/// A source of futures that the program completes itself. Every function may be called from any thread, except those
/// that move or destroy the promise. A promise that is destroyed before it has a value or an error fails its future
/// with BrokenPromise. A moved-from promise may only be destroyed or assigned to.
template <class R>
class Promise {
 public:
  /// Constructs a promise whose future is pending.
  Promise() : state_(detail::make_intrusive<detail::FutureState>()) {}
  Promise(Promise const&) = delete;
  /// Takes over the future of another promise.
  Promise(Promise&&) noexcept = default;
  /// Takes over the future of another promise. The future that it had so far fails with BrokenPromise unless it is
  /// done.
  Promise& operator=(Promise other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  /// Fails the future with BrokenPromise unless it is done.
  ~Promise() {
    if (state_) detail::break_promise(*state_);
  }

  /// Returns the future. All calls return the same one.
  [[nodiscard]] Future<R> future() const { return Future<R>::local(state_); }

  /// Marks the future as running, so that it can no longer be cancelled. Returns false if it was cancelled, is done, or
  /// is running already.
  bool set_running() noexcept { return state_->set_running(); }

  /// Completes the future with a value and runs its callbacks on this thread. Returns false, and changes nothing, if
  /// the future is done or cancelled.
  template <class T = R>
  requires(!std::is_void_v<R> && std::is_constructible_v<R, T>) bool set_value(T&& value) {
    return state_->set_value(std::make_shared<R>(std::forward<T>(value)));
  }
  /// Completes the future of a Promise<void>, in the same way.
  bool set_value() requires std::is_void_v<R> { return state_->set_value(nullptr); }
  /// Completes the future with an error, in the same way.
  bool set_error(std::exception_ptr error) { return state_->set_error(std::move(error)); }

 private:
  detail::StatePtr state_;
};

}  // namespace farm
