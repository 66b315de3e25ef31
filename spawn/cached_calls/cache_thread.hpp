#pragma once

#include <functional>
#include <memory>

namespace farm::detail {

/// A thread for the work of a cache that must not be done on the hub's thread, which it would hold up. Thread-safe.
class CacheThread {
 public:
  CacheThread();
  CacheThread(CacheThread const&) = delete;
  CacheThread& operator=(CacheThread const&) = delete;
  /// Blocks until all jobs are done, unless called in a job.
  ~CacheThread();

  /// Runs the job later, after those that were posted before. What it throws is logged. The first job starts the
  /// thread.
  void post(std::function<void()> job);
  /// Runs the job when no other one waits.
  void post_idle(std::function<void()> job);

 private:
  struct Shared;
  void start();

  std::shared_ptr<Shared> shared_;
};

}  // namespace farm::detail
