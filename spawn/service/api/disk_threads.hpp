#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace farm::detail {

/// Threads that read from the disk for requests, so that other requests need not wait.
class DiskThreads {
 public:
  explicit DiskThreads(std::size_t threads);
  /// Drops what has not begun, and waits for the rest.
  ~DiskThreads();
  DiskThreads(DiskThreads const&) = delete;
  DiskThreads& operator=(DiskThreads const&) = delete;

  /// Runs `f`, which must not throw, on one of the threads. Returns false if too much waits already.
  [[nodiscard]] bool run(std::function<void()> f);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool quits_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace farm::detail
