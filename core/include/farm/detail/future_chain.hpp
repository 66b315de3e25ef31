#pragma once

#include <farm/detail/future_state.hpp>

#include <mutex>
#include <utility>
#include <vector>

namespace farm::detail {

/// Guards what every state tells of its sources, so that the graph of who waits for whom holds still while it is
/// searched.
[[nodiscard]] std::mutex& graph_mutex();

/// The state of a future that waits for one other: what then(), catch_error() and compose() make.
class ChainState final : public FutureState {
 public:
  enum class OnCancel : bool { leave_source, cancel_source };

  /// Waits for `source` until source_done().
  ChainState(StatePtr source, OnCancel on_cancel) noexcept : source_(std::move(source)), on_cancel_(on_cancel) {}

  /// Waits for another source, after the first was done. False where that would be a cycle: `source` waits for this
  /// one, however indirectly.
  bool follow(StatePtr source);
  /// The source is done.
  void source_done() noexcept;

  void append_sources(std::vector<StatePtr>& sources) const override;

 protected:
  bool request_stop() noexcept override;
  void cancelled() noexcept override;

 private:
  [[nodiscard]] StatePtr source() const;

  StatePtr source_;  // guarded by graph_mutex()
  OnCancel on_cancel_;
};

using ChainPtr = IntrusivePtr<ChainState>;

}  // namespace farm::detail
