#pragma once

#include "spawn/loop/polled_input.hpp"

#include <farm/detail/future_state.hpp>
#include <farm/detail/wait_helper.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace farm::detail {

/// An io_context with a thread of its own, the loop's thread, that lends its turn to threads that wait for a future. A
/// task that is sent and awaited then wakes no thread.
///
/// One thread at a time has the turn: it runs handlers. A waiting thread that borrows the turn runs the loop until its
/// future is done or nothing has happened for a while. Meanwhile the loop's thread is parked, that is, it sleeps on a
/// condition variable. It resumes when something is posted, when the borrower gives up, or when no waiting thread has
/// borrowed the turn for a moment. Callbacks of futures run on the loop's thread only, between handlers and never
/// inside of one: a callback that waits for a future runs the loop itself (run_until()).
class SharedLoop final : public WaitHelper, public std::enable_shared_from_this<SharedLoop> {
 public:
  /// `after_handlers` is called after handlers have run, by the thread that has the turn. `polled` may be null; it must
  /// outlive run().
  explicit SharedLoop(std::function<void()> after_handlers, PolledInput* polled = nullptr)
      : after_handlers_(std::move(after_handlers)), polled_(polled) {}

  [[nodiscard]] asio::io_context& context() { return context_; }

  /// Returns true if the calling thread has borrowed the turn.
  [[nodiscard]] bool has_borrowed_turn() const { return borrower_ == std::this_thread::get_id(); }

  /// Runs the loop on the calling thread, the loop's thread, until the context is stopped. Afterwards no thread can
  /// borrow the turn.
  void run();

  /// Runs `f` on the loop. Thread-safe.
  template <class F>
  void post(F f) {
    asio::post(context_, std::move(f));
    posted();
  }
  /// Runs `f` on the calling thread if the loop's thread is parked and the turn is free, else posts it. Several calls
  /// without a wait in between are posted, except for the first. Meant for work of a thread that waits next.
  template <class F>
  void run_or_post(F f) {
    if (begin_inline_run()) {
      run_inline(f);
    } else {
      post(std::move(f));
    }
  }

  void help(FutureState const& state, Deadline deadline) noexcept override;
  void run_until(std::function<bool()> const& ready, Deadline deadline) override;
  void check_again() noexcept override;
  [[nodiscard]] std::shared_ptr<WaitHelper> shared() override { return shared_from_this(); }

 private:
  enum class Events { all, one };
  [[nodiscard]] std::size_t handle(Events events);
  [[nodiscard]] std::size_t handle_all();
  void sleep(Deadline deadline);
  [[nodiscard]] bool take_turn();
  void return_turn(bool wake);
  [[nodiscard]] bool begin_inline_run();
  template <class F>
  void run_inline(F& f) noexcept {
    {
      PutOffCallbacks const put_off;
      f();
    }
    end_inline_run();
  }
  void end_inline_run();
  [[nodiscard]] bool hand_over_callbacks();
  void posted();
  void wake();
  void park(std::unique_lock<std::mutex>& turn);

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::function<void()> after_handlers_;
  PolledInput* polled_;

  std::mutex turn_;                          ///< held by the thread that runs handlers
  std::atomic<std::thread::id> borrower_{};  ///< the waiting thread that has the turn
  std::atomic<int> turn_requests_{0};        ///< waiting threads that ask for the turn
  std::atomic<bool> can_lend_turn_{false};   ///< the loop's thread is awake or parked, not asleep in the context
  std::atomic<bool> parked_{false};          ///< the loop's thread is parked
  std::atomic<bool> turn_was_lent_{false};   ///< since the loop's thread last checked
  std::atomic<int> waits_to_skip_{0};        ///< waits that do not borrow, since the last ones borrowed in vain
  bool closed_ = false;                      // this and the next four: guarded by turn_
  bool borrower_posted_ = false;             ///< the borrower has posted something
  bool ran_inline_ = false;                  ///< since the last wait
  int backoff_ = 0;                          ///< the latest value of waits_to_skip_
  int polls_since_context_ = 0;              ///< polls of polled_ since the context was polled
  int waiting_callbacks_ = 0;                ///< calls of run_until() that have not returned

  std::mutex parking_;
  std::condition_variable wake_condition_;
  bool wake_requested_ = false;  ///< guarded by parking_
};

}  // namespace farm::detail
