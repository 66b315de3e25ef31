#pragma once

#include <farm/detail/future_chain.hpp>
#include <farm/detail/future_class.hpp>

#include <functional>
#include <memory>

/// Future::then and Future::catch_error. <farm/future.hpp> includes it.
namespace farm {

namespace detail {

/// Throws the UsageError for a future that would wait for itself.
[[noreturn]] void throw_future_cycle();

/// Completes `next` in the way in which `source` has ended.
template <class U, class V>
void settle(ChainState& next, Future<V> const& source) {
  auto& state = *source.state();
  if (state.status() == FutureState::Status::cancelled) {
    next.set_cancelled();
    return;
  }
  try {
    require_value(state);
    if constexpr (std::is_void_v<U>) {
      next.set_value(nullptr);
    } else {
      auto const* const local = std::get_if<std::shared_ptr<void>>(&state.result());
      if (std::is_same_v<U, V> && copyable<U> && local != nullptr) {
        next.set_value(*local);
      } else {
        next.set_value(std::make_shared<U>(source.result()));
      }
    }
  } catch (...) {
    next.set_error(std::current_exception());
  }
}

template <class T>
inline constexpr bool is_future = false;
template <class R>
inline constexpr bool is_future<Future<R>> = true;

/// Completes `next`, which is running, with the value that call() returns or the exception that it throws. If call()
/// returns a future, `next` ends as that future does.
template <class U, class Call>
void complete_with(ChainPtr const& next, Call call) {
  try {
    using Given = std::remove_cvref_t<std::invoke_result_t<Call&>>;
    if constexpr (is_future<Given>) {
      auto const given = call();
      if (!given.valid()) throw_invalid_future();
      if (!next->follow(given.state())) throw_future_cycle();
      given.add_done_callback([next](Given const& source) {
        next->source_done();
        settle<U>(*next, source);
      });
    } else if constexpr (std::is_void_v<U>) {
      call();
      next->set_value(nullptr);
    } else {
      next->set_value(std::make_shared<U>(call()));
    }
  } catch (...) {
    next->set_error(std::current_exception());
  }
}

/// Returns a future that on_done(next, source) completes once `source` is done. If `source` is cancelled, the returned
/// future is cancelled instead.
template <class U, class R, class OnDone>
Future<U> chain(Future<R> const& source, ChainState::OnCancel on_cancel, OnDone on_done) {
  auto next = make_intrusive<ChainState>(source.state(), on_cancel);
  source.add_done_callback([next, on_done = std::move(on_done)](Future<R> const& done) mutable {
    next->source_done();
    if (done.cancelled()) {
      next->set_cancelled();
    } else {
      on_done(next, done);
    }
  });
  return Future<U>::local(std::move(next));
}

inline void pass_error(ChainState& next, FutureState const& source) {
  next.set_error(std::get<std::exception_ptr>(source.result()));
}

template <class U, class R, class F>
void call_with_value(ChainPtr const& next, Future<R> const& source, F& f) {
  if (!next->set_running()) return;
  complete_with<U>(next, [&]() -> decltype(auto) {
    if constexpr (std::is_void_v<R>) {
      return std::invoke(std::move(f));
    } else {
      return std::invoke(std::move(f), source.result());
    }
  });
}

/// Completes `next` with f(error). An exception_ptr that f returns becomes the error of `next`.
template <class U, class F>
void call_with_error(ChainPtr const& next, FutureState const& source, F& f) {
  if (!next->set_running()) return;
  auto const call = [&]() -> decltype(auto) {
    return std::invoke(std::move(f), std::get<std::exception_ptr>(source.result()));
  };
  if constexpr (std::is_same_v<std::invoke_result_t<F, std::exception_ptr>, std::exception_ptr>) {
    try {
      next->set_error(call());
    } catch (...) {
      next->set_error(std::current_exception());
    }
  } else {
    complete_with<U>(next, call);
  }
}

[[nodiscard]] inline bool failed(FutureState const& state) { return state.status() == FutureState::Status::error; }

}  // namespace detail

template <class R>
template <class F>
auto Future<R>::then(F f) const -> Future<detail::FlatOf<typename detail::OnValue<F, R>::type>> {
  using U = detail::FlatOf<typename detail::OnValue<F, R>::type>;
  return detail::chain<U>(*this, detail::ChainState::OnCancel::leave_source,
                          [f = std::move(f)](detail::ChainPtr const& next, Future const& source) mutable {
                            if (detail::failed(*source.state())) {
                              detail::pass_error(*next, *source.state());
                            } else {
                              detail::call_with_value<U>(next, source, f);
                            }
                          });
}

template <class R>
template <class F>
auto Future<R>::catch_error(F f) const -> Future<R> {
  return detail::chain<R>(*this, detail::ChainState::OnCancel::leave_source,
                          [f = std::move(f)](detail::ChainPtr const& next, Future const& source) mutable {
                            if (detail::failed(*source.state())) {
                              detail::call_with_error<R>(next, *source.state(), f);
                            } else {
                              detail::settle<R>(*next, source);
                            }
                          });
}

}  // namespace farm
