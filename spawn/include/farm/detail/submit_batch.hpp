#pragma once

#include <farm/batch.hpp>
#include <farm/detail/inputs.hpp>
#include <farm/detail/submit.hpp>

#include <memory>
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
  explicit BatchInputs(F const& f, Ranges&&... ranges) : f_(f), inputs_(std::forward<Ranges>(ranges)...) {}

  StatePtr submit_next(Engine& engine) override {
    StatePtr state;
    inputs_.take([&](auto const&... arguments) { state = submit_call(engine, {}, false, f_, arguments...); });
    return state;
  }

 private:
  F f_;
  Inputs inputs_;
};

/// Starts a batch of f over the elements of all ranges, with `workers` tasks submitted at once.
template <class F, class... Ranges>
auto submit_batch(std::shared_ptr<Engine> engine, int workers, F const& f, Ranges&&... ranges) {
  using Function = std::decay_t<F const>;
  using Inputs = ZippedInputs<Ranges...>;
  using Result = typename ResultForInputs<Function, typename Inputs::Arguments>::type;
  auto source = std::make_unique<BatchInputs<Function, Inputs>>(f, std::forward<Ranges>(ranges)...);
  return BatchAccess::make<Result>(std::make_unique<BatchRun>(std::move(engine), workers, std::move(source)));
}

}  // namespace farm::detail
