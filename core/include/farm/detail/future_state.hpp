#pragma once

#include <farm/detail/deadline.hpp>
#include <farm/detail/intrusive_ptr.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace farm::detail {

using Bytes = std::string;

class FutureState;
using StatePtr = IntrusivePtr<FutureState>;

/// What is called when a state is done. A node belongs to the state from add_node() until run() and release() were
/// called, or remove_node() gave it back.
class CallbackNode {
 public:
  CallbackNode() = default;
  CallbackNode(CallbackNode const&) = delete;
  CallbackNode& operator=(CallbackNode const&) = delete;
  virtual ~CallbackNode() = default;

  /// On the thread that completed the state, outside of any lock. What it throws is logged and ignored.
  virtual void run(FutureState& state) = 0;
  /// The state needs the node no more: after run(), or when it is destroyed without being done.
  virtual void release() noexcept { delete this; }

 protected:
  /// Runs before all ordinary nodes, as a blocked thread is woken before callbacks run. For run() that is short and
  /// does not throw.
  void run_first() noexcept { first_ = true; }

 private:
  friend class FutureState;
  CallbackNode* next_ = nullptr;
  bool first_ = false;
};

/// What a Future refers to: where a task stands, and how it ended. A task of the engine derives from it.
///
/// Every function is thread-safe; the caller holds a reference (a StatePtr) during the call. Once done, a state does
/// not change again: of several threads that complete it one is first, and the others are told false.
class FutureState {
 public:
  enum class Status : std::uint8_t { pending, running, value, error, cancelled };
  using Result = std::variant<std::monostate, Bytes, std::vector<Bytes>, std::shared_ptr<void>, std::exception_ptr>;

  FutureState() noexcept = default;
  FutureState(FutureState const&) = delete;
  FutureState& operator=(FutureState const&) = delete;
  /// Releases the callbacks that are left; they are not run. Whoever makes a state must see to it that it ends.
  virtual ~FutureState();

  [[nodiscard]] Status status() const noexcept { return status_.load(std::memory_order_acquire); }
  [[nodiscard]] bool done() const noexcept { return status() >= Status::value; }

  /// Pending to running. False where it was cancelled, is done, or runs already. Lock-free.
  bool set_running() noexcept;

  /// Each of these completes a state that is pending or running, wakes the waiting threads, then runs the callbacks on
  /// this thread. False, and nothing done, where it was done already.
  bool set_bytes(Bytes value);                          ///< the packed value of a task
  bool set_rank_bytes(std::vector<Bytes> rank_values);  ///< the packed values of all its ranks
  bool set_value(std::shared_ptr<void> value);          ///< a value made in this process; null for void
  bool set_error(std::exception_ptr error);
  /// Unlike cancel(), also a running one, and no hook is called. `why`, a CancelledError, is what waiting for it
  /// throws.
  bool set_cancelled(std::exception_ptr why = nullptr);

  /// Pending: becomes cancelled, cancelled() is called, true. Running: what request_stop() says. Cancelled: true. Else
  /// false.
  bool cancel();

  /// Blocks until done (true) or until the deadline (false).
  bool wait_until(Deadline deadline) const;

  /// Calls f(), or f(FutureState&), once when it is done: on the thread that completes it, in the order in which they
  /// were added; or at once where it is done already. What f throws is logged and ignored.
  template <class F>
  void add_callback(F f);

  /// False, and the node is not taken, where the state is done.
  bool add_node(CallbackNode& node);
  /// True where the node was waiting and is the caller's again; false where it was run, or is being run at this moment.
  bool remove_node(CallbackNode& node) noexcept;

  /// How it ended; valid only once done(). Empty for a cancelled one, unless it is told why.
  [[nodiscard]] Result const& result() const noexcept { return result_; }

  /// What it has told of itself while it runs, 0 to 1.
  [[nodiscard]] virtual double progress() const noexcept { return 0; }

  /// True for the first caller only: the right to move the value out of the result.
  [[nodiscard]] bool take() noexcept { return !taken_.exchange(true, std::memory_order_acq_rel); }

  /// Appends the states that this one waits for, which is how a cycle is found. Called with graph_mutex() locked.
  virtual void append_sources(std::vector<StatePtr>& sources) const;

  void add_reference() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_reference() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  /// cancel() was called while running. Returns whether the state ends as cancelled by it.
  virtual bool request_stop() noexcept { return false; }
  /// cancel() has made a pending state a cancelled one; before its callbacks run.
  virtual void cancelled() noexcept {}

 private:
  template <class Store>
  bool finish(Status status, Store store);
  void wake_and_run(bool wake, CallbackNode* newest_first, bool call_hook);
  void run(CallbackNode& node) noexcept;
  static void run_all(FutureState& state, CallbackNode* list) noexcept;
  friend void run_deferred_callbacks() noexcept;

  mutable std::atomic<std::uint32_t> references_{0};
  std::atomic<Status> status_{Status::pending};
  std::atomic<bool> taken_{false};
  mutable bool has_waiters_ = false;   // like callbacks_: guarded by the stripe's mutex
  CallbackNode* callbacks_ = nullptr;  // newest first
  Result result_;                      // written once, before status_ says so
};

/// Runs the callbacks that this thread has put off. Completing within callbacks within callbacks ... is put off past
/// some depth, to spare the stack; so a thread calls this before it blocks.
void run_deferred_callbacks() noexcept;

/// While it lives, this thread puts off all callbacks of states that it completes.
class PutOffCallbacks {
 public:
  PutOffCallbacks() noexcept;
  PutOffCallbacks(PutOffCallbacks const&) = delete;
  PutOffCallbacks& operator=(PutOffCallbacks const&) = delete;
  /// They stay put off.
  ~PutOffCallbacks();
};

/// Those that this thread has put off, for another thread, which runs them when it runs its own.
class DeferredCallbacks {
 public:
  /// Whether this thread has any.
  [[nodiscard]] static bool any() noexcept;
  /// Takes them from this thread.
  [[nodiscard]] static DeferredCallbacks take() noexcept;
  /// To this thread's.
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

 private:
  F f_;
};

/// Logs the exception that is being handled, as one that left `where`.
void log_current_exception(char const* where) noexcept;

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
