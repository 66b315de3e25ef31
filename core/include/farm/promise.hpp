#pragma once

#include <farm/future.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace farm {

/// The promise of this future was destroyed before it was kept.
class BrokenPromise : public detail::ErrorOf<std::logic_error> {
  using ErrorOf::ErrorOf;
};

namespace detail {

/// Fails the state with BrokenPromise unless it is done.
void break_promise(FutureState& state);

}  // namespace detail

/// A future that is made by hand. Its functions may be called from any thread, but for those that move or destroy it. A
/// promise that is destroyed unkept fails its future with BrokenPromise. A moved-from one may only be destroyed or
/// assigned to.
template <class R>
class Promise {
 public:
  Promise() : state_(detail::make_intrusive<detail::FutureState>()) {}
  Promise(Promise const&) = delete;
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Promise() {
    if (state_) detail::break_promise(*state_);
  }

  /// May be called any number of times; all are the same future.
  [[nodiscard]] Future<R> future() const { return Future<R>::local(state_); }

  /// False where the future was cancelled, is done, or runs already. From then on it cannot be cancelled.
  bool set_running() noexcept { return state_->set_running(); }

  /// These complete the future, and run its callbacks on this thread. False where it was done or cancelled already.
  template <class T = R>
  requires(!std::is_void_v<R> && std::is_constructible_v<R, T>) bool set_value(T&& value) {
    return state_->set_value(std::make_shared<R>(std::forward<T>(value)));
  }
  bool set_value() requires std::is_void_v<R> { return state_->set_value(nullptr); }
  bool set_error(std::exception_ptr error) { return state_->set_error(std::move(error)); }

 private:
  detail::StatePtr state_;
};

}  // namespace farm
