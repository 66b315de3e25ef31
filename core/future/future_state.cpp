#include <farm/detail/future_state.hpp>
#include <farm/detail/log.hpp>
#include <farm/detail/wait_helper.hpp>
#include <farm/error.hpp>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <new>
#include <utility>

namespace farm::detail {

namespace {

// All states share these few mutexes and condition variables, so that a million queued tasks need no more than one.
struct alignas(64) Stripe {
  std::mutex mutex;
  std::condition_variable done;
};

constexpr unsigned stripe_bits = 7;

Stripe& stripe_of(void const* state) {
  // Never destroyed, because futures may still be used while static objects are destroyed.
  static auto& stripes = *new std::array<Stripe, std::size_t{1} << stripe_bits>;
  auto const address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(state));
  return stripes[static_cast<std::size_t>((address >> 4) * 0x9e3779b97f4a7c15U >> (64 - stripe_bits))];
}

/// The states whose callbacks this thread runs, the innermost first.
struct Settling {
  FutureState const* state;
  Settling* outer;
};
thread_local Settling* settling_here = nullptr;

struct Deferred {
  StatePtr state;
  CallbackNode* callbacks;
  Deferred* next;
};

// Callbacks complete other states, whose callbacks complete others. At this depth the rest is deferred.
constexpr int max_nesting = 32;
thread_local int nesting = 0;
// Plain pointers, because they must outlive the thread's other thread_local objects.
thread_local Deferred* oldest_deferred = nullptr;
thread_local Deferred* newest_deferred = nullptr;

[[nodiscard]] bool defers_callbacks() noexcept { return nesting >= max_nesting; }
// Raising the depth to the limit makes the thread defer all callbacks, at any depth and in nested scopes too.
void begin_deferring_all() noexcept { nesting += max_nesting; }
void end_deferring_all() noexcept { nesting -= max_nesting; }

}  // namespace

FutureState::~FutureState() {
  while (callbacks_ != nullptr) std::exchange(callbacks_, callbacks_->next_)->release();
}

bool FutureState::set_running() noexcept {
  auto expected = Status::pending;
  return status_.compare_exchange_strong(expected, Status::running, std::memory_order_acq_rel);
}

template <class Store>
bool FutureState::finish(Status status, Store store) {
  auto& stripe = stripe_of(this);
  std::unique_lock lock{stripe.mutex};
  if (done()) return false;
  store();
  status_.store(status, std::memory_order_release);
  if (callbacks_ == nullptr) {
    settled_.store(true, std::memory_order_release);
    bool const wake = std::exchange(has_waiters_, false);
    lock.unlock();
    if (wake) stripe.done.notify_all();
    return true;
  }
  auto* const callbacks = std::exchange(callbacks_, nullptr);
  lock.unlock();
  settle_or_defer(callbacks);
  return true;
}

bool FutureState::set_bytes(Bytes value) {
  return finish(Status::value, [&] { result_.emplace<Bytes>(std::move(value)); });
}

bool FutureState::set_rank_bytes(std::vector<Bytes> rank_values) {
  return finish(Status::value, [&] { result_.emplace<std::vector<Bytes>>(std::move(rank_values)); });
}

bool FutureState::set_value(std::shared_ptr<void> value) {
  return finish(Status::value, [&] { result_.emplace<std::shared_ptr<void>>(std::move(value)); });
}

bool FutureState::set_error(std::exception_ptr error) {
  if (!error)
    error = std::make_exception_ptr(UsageError("set_error() was given a null exception_ptr; pass an exception"));
  return finish(Status::error, [&] { result_.emplace<std::exception_ptr>(std::move(error)); });
}

bool FutureState::set_cancelled(std::exception_ptr why) {
  return finish(Status::cancelled, [&] {
    if (why) result_.emplace<std::exception_ptr>(std::move(why));
  });
}

bool FutureState::cancel() {
  auto& stripe = stripe_of(this);
  std::unique_lock lock{stripe.mutex};
  auto status = Status::pending;
  // Not a plain store, because set_running() takes no lock.
  if (status_.compare_exchange_strong(status, Status::cancelled, std::memory_order_acq_rel)) {
    auto* const callbacks = std::exchange(callbacks_, nullptr);
    lock.unlock();
    cancelled();
    settle_or_defer(callbacks);
    return true;
  }
  lock.unlock();
  return status == Status::running ? request_stop() : status == Status::cancelled;
}

bool FutureState::cancel_pending(std::exception_ptr why) {
  auto& stripe = stripe_of(this);
  std::unique_lock lock{stripe.mutex};
  auto status = Status::pending;
  if (this->status() != status) return false;
  result_.emplace<std::exception_ptr>(std::move(why));  // first: who sees the new status may read the result
  if (!status_.compare_exchange_strong(status, Status::cancelled, std::memory_order_acq_rel)) {
    result_.emplace<std::monostate>();  // it has started, which needs no lock; it cannot be done yet
    return false;
  }
  auto* const callbacks = std::exchange(callbacks_, nullptr);
  lock.unlock();
  cancelled();
  settle_or_defer(callbacks);
  return true;
}

bool FutureState::is_needed_besides(StateSet const& states) const {
  std::lock_guard lock{stripe_of(this).mutex};
  if (has_waiters_) return true;
  for (auto const* node = callbacks_; node != nullptr; node = node->next_) {
    if (node->is_for_others(states)) return true;
  }
  return false;
}

bool FutureState::wait_until(Deadline deadline) const {
  if (settled()) return true;
  run_deferred_callbacks();
  if (settled()) return true;
  if (own_loop() != nullptr) {
    wait_on_own_loop(deadline);
    return settled();
  }
  help_while_waiting(*this, deadline);
  if (settled()) return true;
  auto& stripe = stripe_of(this);
  std::unique_lock lock{stripe.mutex};
  while (!settled()) {
    has_waiters_ = true;
    if (deadline == never) {
      stripe.done.wait(lock);
    } else if (stripe.done.wait_until(lock, deadline) == std::cv_status::timeout) {
      return settled();
    }
  }
  return true;
}

void FutureState::wait_on_own_loop(Deadline deadline) const {
  /// Makes the loop check again, if another thread settles the state.
  class WakeNode final : public CallbackNode {
   public:
    explicit WakeNode(std::shared_ptr<WaitHelper> loop) : loop_(std::move(loop)) { run_when_settled(); }
    void run(FutureState& /*state*/) override { loop_->check_again(); }

   private:
    std::shared_ptr<WaitHelper> loop_;
  };
  auto const loop = own_loop()->shared();
  auto& state = const_cast<FutureState&>(*this);  // NOLINT: its list of callbacks is no part of its value
  auto node = std::make_unique<WakeNode>(loop);
  auto* const added = node.get();
  if (!state.add_node(*node)) return;
  static_cast<void>(node.release());
  auto const give_back = [&] {
    if (state.remove_node(*added)) delete added;
  };
  try {
    loop->run_until([this] { return settled(); }, deadline);
  } catch (...) {
    give_back();
    throw;
  }
  give_back();
}

bool FutureState::add_node(CallbackNode& node) {
  std::lock_guard lock{stripe_of(this).mutex};
  if (settled()) return false;
  node.next_ = std::exchange(callbacks_, &node);
  return true;
}

bool FutureState::remove_node(CallbackNode& node) noexcept {
  std::lock_guard lock{stripe_of(this).mutex};
  for (auto** link = &callbacks_; *link != nullptr; link = &(*link)->next_) {
    if (*link == &node) {
      *link = node.next_;
      return true;
    }
  }
  return false;
}

void FutureState::append_sources(std::vector<StatePtr>&) const {}

bool FutureState::is_settling_here() const noexcept {
  for (auto const* each = settling_here; each != nullptr; each = each->outer) {
    if (each->state == this) return true;
  }
  return false;
}

void FutureState::settle_or_defer(CallbackNode* newest_first) noexcept {
  bool only_waiters = true;
  for (auto const* node = newest_first; node != nullptr; node = node->next_)
    only_waiters = only_waiters && node->when_settled_;
  auto* const last = defers_callbacks() && !only_waiters ? new (std::nothrow)
                                                               Deferred{StatePtr{this}, newest_first, nullptr}
                                                         : nullptr;
  if (last != nullptr) {  // without memory, the callbacks are called at once
    (oldest_deferred == nullptr ? oldest_deferred : newest_deferred->next) = last;
    newest_deferred = last;
    return;
  }
  settle(newest_first);
  if (nesting == 0) run_deferred_callbacks();
}

/// Runs the ordinary callbacks, also those that are added meanwhile, then wakes who waits.
void FutureState::settle(CallbackNode* newest_first) noexcept {
  auto& stripe = stripe_of(this);
  CallbackNode* waiters = nullptr;
  bool wake = false;
  for (bool again = true; again;) {
    CallbackNode* ordinary = nullptr;
    while (newest_first != nullptr) {
      auto& node = *std::exchange(newest_first, newest_first->next_);
      auto& list = node.when_settled_ ? waiters : ordinary;
      node.next_ = std::exchange(list, &node);
    }
    if (ordinary != nullptr) {
      Settling here{this, settling_here};
      settling_here = &here;
      run_all(ordinary);
      settling_here = here.outer;
    }
    std::lock_guard const lock{stripe.mutex};
    newest_first = std::exchange(callbacks_, nullptr);
    again = newest_first != nullptr;
    if (again) continue;
    settled_.store(true, std::memory_order_release);
    wake = std::exchange(has_waiters_, false);
  }
  if (wake) stripe.done.notify_all();
  run_all(waiters);
}

void FutureState::run_all(CallbackNode* list) noexcept {
  ++nesting;
  while (list != nullptr) {
    auto& node = *std::exchange(list, list->next_);
    run(node);
    node.release();
  }
  --nesting;
}

void FutureState::run(CallbackNode& node) noexcept {
  try {
    node.run(*this);
  } catch (...) {
    log_current_exception("a callback of a future");
  }
}

void run_deferred_callbacks() noexcept {
  while (oldest_deferred != nullptr) {
    auto const next = std::unique_ptr<Deferred>{std::exchange(oldest_deferred, oldest_deferred->next)};
    next->state->settle(next->callbacks);
  }
}

void run_after_callbacks(std::function<void()> function) {
  StatePtr const state{new FutureState};
  state->add_callback(std::move(function));  // deferred as any other, and so after those before it
  state->set_value(nullptr);
}

PutOffCallbacks::PutOffCallbacks() noexcept { begin_deferring_all(); }
PutOffCallbacks::~PutOffCallbacks() { end_deferring_all(); }

bool DeferredCallbacks::any() noexcept { return oldest_deferred != nullptr; }

DeferredCallbacks DeferredCallbacks::take() noexcept {
  DeferredCallbacks taken;
  taken.oldest_ = std::exchange(oldest_deferred, nullptr);
  taken.newest_ = std::exchange(newest_deferred, nullptr);
  return taken;
}

void DeferredCallbacks::give() noexcept {
  if (oldest_ == nullptr) return;
  auto* const oldest = static_cast<Deferred*>(std::exchange(oldest_, nullptr));
  (oldest_deferred == nullptr ? oldest_deferred : newest_deferred->next) = oldest;
  newest_deferred = static_cast<Deferred*>(newest_);
}

}  // namespace farm::detail
