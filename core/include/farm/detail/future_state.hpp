#pragma once

#include <farm/detail/bytes.hpp>
#include <farm/detail/deadline.hpp>
#include <farm/detail/intrusive_ptr.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace farm::detail {

class FutureState;
using StatePtr = IntrusivePtr<FutureState>;
class StateSet;

/// A callback of a state that is not settled yet. The state owns the node from add_node() until it has called run() and
/// release(), or until remove_node() returns true.
class CallbackNode {
 public:
  CallbackNode() = default;
  CallbackNode(CallbackNode const&) = delete;
  CallbackNode& operator=(CallbackNode const&) = delete;
  virtual ~CallbackNode() = default;

  /// Called on the thread that completed the state, outside of any lock. An exception that it throws is logged and
  /// ignored.
  virtual void run(FutureState& state) = 0;
  /// Returns whether somebody besides these states waits for the state by this node. A node of the farm's own
  /// bookkeeping returns false.
  [[nodiscard]] virtual bool is_for_others(StateSet const& /*states*/) const { return true; }
  /// Called when the state no longer needs the node: after run(), or when the state is destroyed before it is done.
  virtual void release() noexcept { delete this; }

 protected:
  /// Makes the node one that wakes a waiting thread: it runs once the state is settled, after all ordinary nodes. Only
  /// for a run() that is short and does not throw.
  void run_when_settled() noexcept { when_settled_ = true; }

 private:
  friend class FutureState;
  CallbackNode* next_ = nullptr;
  bool when_settled_ = false;
};

/// The state that the copies of a Future share: how far its task is, and how it ended. The tasks of an engine derive
/// from it.
///
/// Every function is thread-safe; the caller must hold a reference (a StatePtr) during the call. A state that is done
/// never changes again: if several threads complete a state, the first one wins, and the others get false.
///
/// A state is done as soon as it has its result, and settled when its callbacks have returned, too. Whoever waits for a
/// future waits until it is settled, so that callbacks may refer to what lives on the waiting thread's stack. Inside
/// its own callbacks a state counts as settled.
class FutureState {
 public:
  enum class Status : std::uint8_t { pending, running, value, error, cancelled };
  using Result = std::variant<std::monostate, Bytes, std::vector<Bytes>, std::shared_ptr<void>, std::exception_ptr>;

  FutureState() noexcept = default;
  FutureState(FutureState const&) = delete;
  FutureState& operator=(FutureState const&) = delete;
  /// Releases the remaining callbacks without running them. The maker of a state is responsible for completing it.
  virtual ~FutureState();

  [[nodiscard]] Status status() const noexcept { return status_.load(std::memory_order_acquire); }
  [[nodiscard]] bool done() const noexcept { return status() >= Status::value; }
  /// Returns true if the state is done and its callbacks have returned, or if the caller is one of them.
  [[nodiscard]] bool settled() const noexcept {
    return settled_.load(std::memory_order_acquire) || (done() && is_settling_here());
  }

  /// Changes pending to running. Returns false if the state is anything but pending. Lock-free.
  bool set_running() noexcept;

  /// Each of these completes a state that is pending or running: it runs the callbacks on this thread, then wakes the
  /// waiting threads. Returns false, and does nothing, if the state is done.
  bool set_bytes(Bytes value);                          ///< the packed value of a task
  bool set_rank_bytes(std::vector<Bytes> rank_values);  ///< the packed values of all ranks of a task
  bool set_value(std::shared_ptr<void> value);          ///< a value made in this process; null for void
  bool set_error(std::exception_ptr error);
  /// Also completes a running state, unlike cancel(), and calls no hook. Waiting for the state throws `why`, which must
  /// be a CancelledError; if it is null, a general one.
  bool set_cancelled(std::exception_ptr why = nullptr);

  /// Cancels a pending state, calls cancelled(), and returns true. Returns what request_stop() returns for a running
  /// state, true for a cancelled one, false for one that is done otherwise.
  bool cancel();

  /// Cancels a pending state as cancel() does; waiting for the state then throws `why`, which must be a CancelledError.
  /// Returns false, and does nothing, if the state is anything but pending.
  bool cancel_pending(std::exception_ptr why);

  /// Cancels this state, and then the states that it waits for, directly and indirectly, unless somebody else waits for
  /// them: a callback, a chained future, a thread, or a task that is not cancelled here. Returns what cancel() returns
  /// for this state.
  bool cancel_with_sources();
  /// Returns whether somebody besides these states waits for this one.
  [[nodiscard]] bool is_needed_besides(StateSet const& states) const;

  /// Blocks until the state is settled (returns true) or the deadline has passed (returns false). On the thread of an
  /// event loop, inside a callback, it runs the loop meanwhile. Throws UsageError if callbacks that wait are nested too
  /// deeply there.
  bool wait_until(Deadline deadline) const;

  /// Calls f() or f(FutureState&) once when the state is done: on the thread that completes it, or at once on this
  /// thread if it is settled already. Callbacks run in the order in which they were added. An exception that f throws
  /// is logged and ignored.
  template <class F>
  void add_callback(F f);

  /// Takes the node and returns true; returns false, and does not take it, if the state is settled.
  bool add_node(CallbackNode& node);
  /// Gives the node back to the caller and returns true; returns false if the node has run or is running.
  bool remove_node(CallbackNode& node) noexcept;

  /// Returns how the state ended; valid only once it is done(). Empty for a cancelled state without a reason.
  [[nodiscard]] Result const& result() const noexcept { return result_; }

  /// Returns the part of the task that is done, from 0 to 1, as the task has reported it.
  [[nodiscard]] virtual double progress() const noexcept { return 0; }

  /// Returns the name of what the state belongs to, for messages; empty: it has none.
  [[nodiscard]] virtual std::string description() const { return {}; }

  /// Returns true for the first caller only, which thereby may move the value out of the result.
  [[nodiscard]] bool take() noexcept { return !taken_.exchange(true, std::memory_order_acq_rel); }

  /// Appends the states that this one waits for, so that cycles can be found. Called with graph_mutex() locked.
  virtual void append_sources(std::vector<StatePtr>& sources) const;

  void add_reference() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_reference() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  /// Called by cancel() on a running state. Returns true if the state ends as cancelled.
  virtual bool request_stop() noexcept { return false; }
  /// Called by cancel() on a pending state, after the state has become cancelled and before its callbacks run.
  virtual void cancelled() noexcept {}

 private:
  template <class Store>
  bool finish(Status status, Store store);
  void settle_or_defer(CallbackNode* newest_first) noexcept;
  void settle(CallbackNode* newest_first) noexcept;
  [[nodiscard]] bool is_settling_here() const noexcept;
  void wait_on_own_loop(Deadline deadline) const;
  void run(CallbackNode& node) noexcept;
  void run_all(CallbackNode* list) noexcept;
  friend void run_deferred_callbacks() noexcept;

  mutable std::atomic<std::uint32_t> references_{0};
  std::atomic<Status> status_{Status::pending};
  std::atomic<bool> taken_{false};
  std::atomic<bool> settled_{false};
  mutable bool has_waiters_ = false;   // guarded by the stripe's mutex, as callbacks_ is
  CallbackNode* callbacks_ = nullptr;  // newest first
  Result result_;                      // written once, before status_ says that the state is done
};

/// A callback for the farm's own bookkeeping: nobody waits for the state by it.
template <class F>
struct Bookkeeping {
  F f;
  void operator()() { f(); }
  [[nodiscard]] static bool is_for_others(StateSet const& /*states*/) { return false; }
};
template <class F>
Bookkeeping(F) -> Bookkeeping<F>;

/// Runs the callbacks that this thread has deferred. Callbacks may complete other states, whose callbacks complete
/// others; beyond some depth they are deferred, to limit the use of the stack. Every thread calls this before it
/// blocks.
void run_deferred_callbacks() noexcept;

/// Calls the function after the callbacks that this thread has deferred until now: at once if there are none and the
/// thread does not defer callbacks. For telling others that all is over: they may rely on the callbacks, too.
void run_after_callbacks(std::function<void()> function);

/// While it lives, this thread defers the callbacks of all states that it completes. Its end does not run them.
class PutOffCallbacks {
 public:
  PutOffCallbacks() noexcept;
  PutOffCallbacks(PutOffCallbacks const&) = delete;
  PutOffCallbacks& operator=(PutOffCallbacks const&) = delete;
  ~PutOffCallbacks();
};

/// Callbacks that one thread has deferred and hands to another thread, which runs them when it runs its own.
class DeferredCallbacks {
 public:
  /// Returns true if this thread has deferred callbacks.
  [[nodiscard]] static bool any() noexcept;
  /// Takes the deferred callbacks from this thread.
  [[nodiscard]] static DeferredCallbacks take() noexcept;
  /// Appends them to the deferred callbacks of this thread.
  void give() noexcept;

 private:
  void* oldest_ = nullptr;
  void* newest_ = nullptr;
};

template <class F>
class FunctionNode final : public CallbackNode {
 public:
  explicit FunctionNode(F f) : f_(std::move(f)) {}
  void run(FutureState& state) override {
    if constexpr (std::is_invocable_v<F&, FutureState&>) {
      f_(state);
    } else {
      f_();
    }
  }
  [[nodiscard]] bool is_for_others(StateSet const& states) const override {
    if constexpr (requires { f_.is_for_others(states); }) {
      return f_.is_for_others(states);
    } else {
      return true;
    }
  }

 private:
  F f_;
};

template <class F>
void FutureState::add_callback(F f) {
  auto node = std::make_unique<FunctionNode<F>>(std::move(f));
  if (add_node(*node)) {
    static_cast<void>(node.release());
  } else {
    run(*node);
  }
}

}  // namespace farm::detail
