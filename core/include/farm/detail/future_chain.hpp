#pragma once

#include <farm/detail/future_state.hpp>

#include <mutex>
#include <utility>
#include <vector>

namespace farm::detail {

/// Returns the mutex that guards the sources of all states, so that the graph of which state waits for which does not
/// change while it is searched.
[[nodiscard]] std::mutex& graph_mutex();

/// The state of a future that waits for one other future; then(), catch_error() and compose() make it.
class ChainState final : public FutureState {
 public:
  enum class OnCancel : bool { leave_source, cancel_source };

  /// Constructs a state that waits for `source` until source_done() is called.
  ChainState(StatePtr source, OnCancel on_cancel) noexcept : source_(std::move(source)), on_cancel_(on_cancel) {}

  /// Makes the state wait for another source, after the first one is done. Returns false if that would close a cycle,
  /// because `source` waits for this state, directly or indirectly.
  bool follow(StatePtr source);
  /// Ends the wait for the source, which is done.
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
