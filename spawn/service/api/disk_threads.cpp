#include "spawn/service/api/disk_threads.hpp"

#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t most_waiting = 1000;

}  // namespace

DiskThreads::DiskThreads(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

DiskThreads::~DiskThreads() {
  {
    std::scoped_lock const lock{mutex_};
    quits_ = true;
    waiting_.clear();
    changed_.notify_all();
  }
  for (auto& thread : threads_) thread.join();
}

bool DiskThreads::run(std::function<void()> f) {
  std::scoped_lock const lock{mutex_};
  if (waiting_.size() >= most_waiting) return false;
  waiting_.push_back(std::move(f));
  changed_.notify_one();
  return true;
}

void DiskThreads::work() {
  for (;;) {
    std::function<void()> f;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [&] { return quits_ || !waiting_.empty(); });
      if (quits_) return;
      f = std::move(waiting_.front());
      waiting_.pop_front();
    }
    f();
  }
}

}  // namespace farm::detail
