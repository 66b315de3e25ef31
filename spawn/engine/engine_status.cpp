#include "spawn/engine/engine_status.hpp"

#include <farm/error.hpp>

#include <utility>

namespace farm::detail {

void EngineStatus::group_ready() {
  std::scoped_lock const lock{mutex_};
  ++ready_;
  changed_.notify_all();
}

void EngineStatus::start_failed(std::string const& why) {
  std::scoped_lock const lock{mutex_};
  ++failed_;
  failure_ = why;
  changed_.notify_all();
}

void EngineStatus::broken(std::exception_ptr error) {
  std::scoped_lock const lock{mutex_};
  broken_with_ = std::move(error);
  changed_.notify_all();
}

void EngineStatus::drained() {
  std::scoped_lock const lock{mutex_};
  drained_ = true;
  changed_.notify_all();
}

bool EngineStatus::is_drained() {
  std::scoped_lock const lock{mutex_};
  return drained_;
}

void EngineStatus::wait_drained() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return drained_; });
}

void EngineStatus::wait_ready(int groups) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return ready_ + failed_ >= groups || drained_ || broken_with_; });
  if (broken_with_) std::rethrow_exception(broken_with_);
  if (ready_ == 0) throw SpawnError(failure_);
}

}  // namespace farm::detail
