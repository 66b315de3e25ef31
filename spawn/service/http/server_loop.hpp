#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace farm::detail::http {

/// The loop of a server and its thread. It may outlive both: answers that come later find it ended.
class ServerLoop {
 public:
  [[nodiscard]] asio::io_context& context() { return context_; }

  /// Runs the loop on the calling thread until end() was called and nothing is pending any more. What a handler throws
  /// leaves this function; it may be called again.
  void run() {
    thread_ = std::this_thread::get_id();
    struct Leave {
      std::atomic<std::thread::id>& thread;
      ~Leave() { thread = std::thread::id{}; }
    } const leave{thread_};
    context_.run();
  }

  /// Runs `f` on the loop's thread: at once, if this is it. After end() drops `f` and returns false. Thread-safe.
  template <class F>
  bool run(F f) {
    if (thread_.load() != std::this_thread::get_id()) return post(std::move(f));
    f();
    return true;
  }

  /// Runs `f` on the loop's thread, later. After end() drops `f` and returns false. Thread-safe.
  template <class F>
  bool post(F f) {
    std::scoped_lock const lock{mutex_};
    if (!has_ended_) asio::post(context_, std::move(f));
    return !has_ended_;
  }

  /// Runs `f` on the loop's thread, after some time; never after end(). Thread-safe.
  template <class F>
  void after(std::chrono::nanoseconds time, F f) {
    post([this, time, f = std::move(f)] {
      auto const timer = std::make_shared<asio::steady_timer>(context_);
      timers_.insert(timer);
      timer->expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(time));
      timer->async_wait([this, timer, f](asio::error_code const& error) {
        timers_.erase(timer);
        if (!error) f();
      });
    });
  }

  /// Runs `last` on the loop's thread, after what was posted before; nothing is taken any more. Thread-safe.
  template <class F>
  void end(F last) {
    std::scoped_lock const lock{mutex_};
    asio::post(context_, [this, last = std::move(last)]() mutable {
      last();
      for (auto const& timer : timers_) timer->cancel();
    });
    has_ended_ = true;
    work_.reset();
  }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::atomic<std::thread::id> thread_{};
  std::set<std::shared_ptr<asio::steady_timer>> timers_{};  ///< used on the loop's thread only
  std::mutex mutex_{};
  bool has_ended_ = false;
};

}  // namespace farm::detail::http
