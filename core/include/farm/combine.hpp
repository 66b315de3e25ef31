#pragma once

#include <farm/future.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm {

namespace detail {

/// The type of the value of collect(): a vector of the values, nothing for void.
template <class R>
struct Collected {
  using type = std::vector<R>;
};
template <>
struct Collected<void> {
  using type = void;
};

/// The state of a future that waits for many others; collect() makes it.
template <class R>
class CollectState final : public FutureState {
 public:
  explicit CollectState(std::vector<Future<R>> parts) : parts_(std::move(parts)), missing_(parts_.size()) {}

  static IntrusivePtr<CollectState> make(std::vector<Future<R>> futures) {
    for (auto const& future : futures) {
      if (!future.valid()) throw_invalid_future();
    }
    auto state = make_intrusive<CollectState>(futures);
    if (futures.empty()) state->gather();
    for (auto const& future : futures) {
      future.add_done_callback([state](Future<R> const& part) { state->part_done(part); });
    }
    return state;
  }

  void append_sources(std::vector<StatePtr>& sources) const override {
    for (auto const& part : parts_) sources.push_back(part.state());
  }

 protected:
  void cancelled() noexcept override { cancel_parts(); }

 private:
  void part_done(Future<R> const& part) {
    auto const& state = *part.state();
    if (state.status() == Status::value) {
      if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) gather();
    } else if (state.status() == Status::cancelled ? set_cancelled()
                                                   : set_error(std::get<std::exception_ptr>(state.result()))) {
      cancel_parts();
    }
  }

  void gather() {
    if (!set_running()) return;
    try {
      auto const parts = take_parts();
      if constexpr (std::is_void_v<R>) {
        set_value(nullptr);
      } else {
        auto values = std::make_shared<std::vector<R>>();
        values->reserve(parts.size());
        for (auto const& part : parts) values->push_back(part.done_value());
        set_value(std::move(values));
      }
    } catch (...) {
      set_error(std::current_exception());
    }
  }

  void cancel_parts() {
    for (auto const& part : take_parts()) part.cancel();
  }

  /// Breaks the cycle of references: the callbacks of the parts hold this state, and the state holds the parts.
  std::vector<Future<R>> take_parts() {
    std::lock_guard lock{graph_mutex()};
    return std::exchange(parts_, {});
  }

  std::vector<Future<R>> parts_;  // guarded by graph_mutex()
  std::atomic<std::size_t> missing_;
};

}  // namespace detail

/// Returns one future of all values, in the order of `futures`, in which a future may occur more than once. Does not
/// block. Throws UsageError if a future is not valid().
///
/// The first future that fails or is cancelled ends the returned one in the same way, and all others are cancelled.
/// Cancelling the returned future cancels all of them.
template <class R>
[[nodiscard]] auto collect(std::vector<Future<R>> futures) -> Future<typename detail::Collected<R>::type> {
  return Future<typename detail::Collected<R>::type>::local(detail::CollectState<R>::make(std::move(futures)));
}

/// Returns a future of on_result(value), or, if `future` fails, of on_error(std::exception_ptr). A std::exception_ptr
/// that on_error returns becomes the error. Otherwise like Future::then(), except that cancelling the returned future
/// cancels `future` as well. Does not block.
template <class R, class F, class G>
[[nodiscard]] auto compose(Future<R> const& future, F on_result, G on_error)
    -> Future<detail::FlatOf<typename detail::OnValue<F, R>::type>> {
  using U = detail::FlatOf<typename detail::OnValue<F, R>::type>;
  return detail::chain<U>(future, detail::ChainState::OnCancel::cancel_source,
                          [on_result = std::move(on_result), on_error = std::move(on_error)](
                              detail::ChainPtr const& next, Future<R> const& source) mutable {
                            if (detail::failed(*source.state())) {
                              detail::call_with_error<U>(next, *source.state(), on_error);
                            } else {
                              detail::call_with_value<U>(next, source, on_result);
                            }
                          });
}

/// As above, without on_error: an error of `future` becomes the error of the returned future.
template <class R, class F>
[[nodiscard]] auto compose(Future<R> const& future, F on_result) {
  return compose(future, std::move(on_result), [](std::exception_ptr error) { return error; });
}

}  // namespace farm
