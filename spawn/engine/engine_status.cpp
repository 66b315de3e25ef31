#include "spawn/engine/engine_status.hpp"

#include <farm/error.hpp>

#include <utility>

namespace farm::detail {

void EngineStatus::boot_begun(std::shared_ptr<Boot> const& boot, std::vector<GroupId> const& starting, bool any_ready) {
  std::scoped_lock const lock{mutex_};
  boot->begun = true;
  boot->any_ready = any_ready;
  boot->starting.insert(starting.begin(), starting.end());
  if (!boot->starting.empty()) boots_.push_back(boot);
  changed_.notify_all();
}

void EngineStatus::start_ended(GroupId id, StartEnd end, std::string const& why) {
  std::scoped_lock const lock{mutex_};
  for (auto const& boot : boots_) {
    if (boot->starting.erase(id) == 0) continue;
    if (end == StartEnd::ready) boot->any_ready = true;
    if (end == StartEnd::failed) boot->failure = why;
  }
  std::erase_if(boots_, [](auto const& boot) { return boot->starting.empty(); });
  changed_.notify_all();
}

void EngineStatus::broken(std::exception_ptr error) {
  std::scoped_lock const lock{mutex_};
  broken_with_ = std::move(error);
  changed_.notify_all();
}

void EngineStatus::shut_down() {
  std::scoped_lock const lock{mutex_};
  shut_down_ = true;
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

bool EngineStatus::is_usable() {
  std::scoped_lock const lock{mutex_};
  return !shut_down_ && !broken_with_;
}

void EngineStatus::check_usable() {
  std::scoped_lock const lock{mutex_};
  throw_if_unusable();
}

void EngineStatus::throw_if_unusable() const {
  if (broken_with_) std::rethrow_exception(broken_with_);
  if (shut_down_) throw ShutdownError("the workers cannot be started: the pool was shut down");
}

void EngineStatus::wait_booted(Boot const& boot) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return (boot.begun && boot.starting.empty()) || shut_down_ || broken_with_; });
  throw_if_unusable();
  if (!boot.any_ready && !boot.failure.empty()) throw SpawnError(boot.failure);
}

}  // namespace farm::detail
