#include "spawn/cached_calls/cache_thread.hpp"

#include <farm/detail/log.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace farm::detail {

/// What the thread shares with its owner. It outlives the owner if a job destroys that.
struct CacheThread::Shared {
  std::mutex mutex{};
  std::condition_variable changed{};
  std::deque<std::function<void()>> jobs{};
  std::deque<std::function<void()>> idle_jobs{};
  bool ends = false;
  std::thread thread{};

  /// Returns the next job; null at the end.
  std::function<void()> next() {
    std::unique_lock lock{mutex};
    changed.wait(lock, [this] { return !jobs.empty() || !idle_jobs.empty() || ends; });
    auto& queue = jobs.empty() ? idle_jobs : jobs;
    if (queue.empty()) return nullptr;
    auto job = std::move(queue.front());
    queue.pop_front();
    return job;
  }

  void run() {
    while (auto const job = next()) {
      try {
        job();
      } catch (...) {
        log_current_exception("the thread of a cache");
      }
    }
  }
};

CacheThread::CacheThread() : shared_(std::make_shared<Shared>()) {}

CacheThread::~CacheThread() {
  std::thread thread;
  {
    std::scoped_lock const lock{shared_->mutex};
    shared_->ends = true;
    thread = std::move(shared_->thread);
    shared_->changed.notify_all();
  }
  if (!thread.joinable()) return;
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else {
    thread.join();
  }
}

/// With the mutex locked.
void CacheThread::start() {
  if (!shared_->thread.joinable()) shared_->thread = std::thread{[shared = shared_] { shared->run(); }};
  shared_->changed.notify_one();
}

void CacheThread::post(std::function<void()> job) {
  std::scoped_lock const lock{shared_->mutex};
  shared_->jobs.push_back(std::move(job));
  start();
}

void CacheThread::post_idle(std::function<void()> job) {
  std::scoped_lock const lock{shared_->mutex};
  shared_->idle_jobs.push_back(std::move(job));
  start();
}

}  // namespace farm::detail
