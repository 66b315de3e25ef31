#pragma once

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

/// What has to be looked for, since nothing in an io_context tells of it.
class Lookout {
 public:
  Lookout() = default;
  Lookout(Lookout const&) = delete;
  Lookout& operator=(Lookout const&) = delete;
  virtual ~Lookout() = default;
  /// Handles what has come. False: nothing has.
  virtual bool look() = 0;
  /// The loop is to sleep, and from now on to be woken by an event. False: it must not, something has come.
  [[nodiscard]] virtual bool fall_asleep() = 0;
  virtual void wake_up() = 0;
};

/// An io_context with a thread of its own, which gives its turn to a thread that waits for a future: then a task that
/// is sent and awaited wakes no thread. One thread at a time has the turn and runs handlers. While a guest has it the
/// loop's own thread is parked; it comes back when the guest goes and does not return for a moment, when something is
/// posted, and when the guest gives up. Callbacks of futures run on the loop's own thread only.
class SharedLoop final : public WaitHelper, public std::enable_shared_from_this<SharedLoop> {
 public:
  /// `after_handlers` is called after some have run, by whoever has the turn. `lookout` may be null; it is not used any
  /// more when run() has come back.
  explicit SharedLoop(std::function<void()> after_handlers, Lookout* lookout = nullptr)
      : after_handlers_(std::move(after_handlers)), lookout_(lookout) {}

  [[nodiscard]] asio::io_context& context() { return context_; }

  /// Whether this thread is a guest that has the turn.
  [[nodiscard]] bool is_guest() const { return guest_ == std::this_thread::get_id(); }

  /// The life of the loop's own thread, until the context is stopped. No guest comes in afterwards.
  void run();

  /// Thread-safe.
  template <class F>
  void post(F f) {
    asio::post(context_, std::move(f));
    posted();
  }
  /// Runs it on this thread where that has had the turn last, and only waits in between; else posts it. For what a
  /// thread does that waits next.
  template <class F>
  void run_or_post(F f) {
    if (begin_errand()) {
      run_errand(f);
    } else {
      post(std::move(f));
    }
  }

  void help(FutureState const& state, Deadline deadline) noexcept override;

 private:
  enum class Events { all, one };
  [[nodiscard]] std::size_t handle(Events events);
  void sleep();
  [[nodiscard]] bool take_turn();
  void give_back_turn(bool wake);
  [[nodiscard]] bool begin_errand();
  template <class F>
  void run_errand(F& f) noexcept {
    {
      PutOffCallbacks const put_off;
      f();
    }
    end_errand();
  }
  void end_errand();
  [[nodiscard]] bool hand_over_callbacks();
  void posted();
  void wake();
  void park(std::unique_lock<std::mutex>& turn);

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::function<void()> after_handlers_;
  Lookout* lookout_;

  std::mutex turn_;  ///< held by who runs handlers
  std::atomic<std::thread::id> guest_{};
  std::atomic<int> wishes_{0};         ///< of guests that want the turn
  std::atomic<bool> can_give_{false};  ///< the loop's thread is awake, or parked
  std::atomic<bool> parked_{false};    ///< the loop's thread sleeps, and a guest is to have the turn
  std::atomic<bool> guest_came_{false};
  std::atomic<int> waits_to_skip_{0};  ///< after waits in which helping was in vain
  bool closed_ = false;                // this and what follows belongs to who has the turn
  bool guest_posted_ = false;
  bool errand_run_ = false;  ///< since the last wait
  int vain_ = 0;
  int looks_ = 0;  ///< since the context was asked

  std::mutex parking_;
  std::condition_variable woken_;
  bool wanted_ = false;  ///< guarded by parking_
};

}  // namespace farm::detail
