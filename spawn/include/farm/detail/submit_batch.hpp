#pragma once

#include <farm/batch.hpp>
#include <farm/detail/inputs.hpp>
#include <farm/detail/submit.hpp>
#include <farm/options.hpp>

#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace farm::detail {

/// Makes batches. Only the farm calls this, so that the constructor of Batch can be private.
class BatchAccess {
 public:
  template <class R>
  static Batch<R> make(std::unique_ptr<BatchRun> run) {
    return Batch<R>{std::move(run)};
  }
};

template <class F, class Arguments>
struct ResultForInputs;
template <class F, class... As>
struct ResultForInputs<F, TypeList<As...>> {
  using type = ResultOfTask<F, As...>;
};

template <class F, class Inputs>
class BatchInputs final : public BatchSource {
 public:
  template <class... Ranges>
  explicit BatchInputs(TaskOptions options, F const& f, Ranges&&... ranges)
      : options_(std::move(options)), f_(f), inputs_(std::forward<Ranges>(ranges)...) {}

  StatePtr submit_next(Engine& engine) override {
    StatePtr state;
    inputs_.take([&](auto const&... arguments) { state = submit_call(engine, options_, false, f_, arguments...); });
    return state;
  }

 private:
  TaskOptions options_;
  F f_;
  Inputs inputs_;
};

template <class Options, class... Ts>
inline constexpr bool last_is = false;
template <class Options, class T>
inline constexpr bool last_is<Options, T> = std::is_same_v<std::decay_t<T>, Options>;
template <class Options, class T, class U, class... Ts>
inline constexpr bool last_is<Options, T, U, Ts...> = last_is<Options, U, Ts...>;

template <class F, class... Ranges>
auto start_batch(std::shared_ptr<Engine> engine, int workers, BatchOptions options, F const& f, Ranges&&... ranges) {
  using Function = std::decay_t<F const>;
  using Inputs = ZippedInputs<Ranges...>;
  using Result = typename ResultForInputs<Function, typename Inputs::Arguments>::type;
  check_batch_options(options);
  auto source =
      std::make_unique<BatchInputs<Function, Inputs>>(std::move(options.task), f, std::forward<Ranges>(ranges)...);
  return BatchAccess::make<Result>(
      std::make_unique<BatchRun>(std::move(engine), workers, std::move(source), options.max_fails));
}

/// Starts a batch of f over the elements of all ranges, with `workers` tasks submitted at once. BatchOptions may be the
/// last argument.
template <class F, class... RangesAndOptions>
auto submit_batch(std::shared_ptr<Engine> engine, int workers, F const& f, RangesAndOptions&&... all) {
  if constexpr (last_is<BatchOptions, RangesAndOptions...>) {
    auto forwarded = std::forward_as_tuple(std::forward<RangesAndOptions>(all)...);
    return [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      // NOLINTNEXTLINE(bugprone-use-after-move): this is a tuple of references, and each is used once
      return start_batch(std::move(engine), workers, BatchOptions(std::get<sizeof...(Is)>(forwarded)), f,
                         std::get<Is>(std::move(forwarded))...);
    }
    (std::make_index_sequence<sizeof...(all) - 1>{});
  } else {
    return start_batch(std::move(engine), workers, {}, f, std::forward<RangesAndOptions>(all)...);
  }
}

}  // namespace farm::detail
