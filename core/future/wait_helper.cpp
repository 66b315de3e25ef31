#include <farm/detail/wait_helper.hpp>

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

struct Helpers {
  std::mutex mutex;
  std::vector<std::weak_ptr<WaitHelper>> all;  ///< in order of registration
};

Helpers& helpers() {
  // Never destroyed, because futures may still be waited for while static objects are destroyed.
  static auto& value = *new Helpers;
  return value;
}

std::atomic<bool> any_helper{false};
thread_local WaitHelper* loop_of_this_thread = nullptr;

std::shared_ptr<WaitHelper> latest() {
  auto& [mutex, all] = helpers();
  std::scoped_lock const lock{mutex};
  while (!all.empty()) {
    if (auto helper = all.back().lock()) return helper;
    all.pop_back();
  }
  any_helper = false;
  return nullptr;
}

}  // namespace

void add_wait_helper(std::weak_ptr<WaitHelper> helper) {
  auto& [mutex, all] = helpers();
  std::scoped_lock const lock{mutex};
  all.push_back(std::move(helper));
  any_helper = true;
}

WaitHelper* own_loop() noexcept { return loop_of_this_thread; }
void set_own_loop(WaitHelper* loop) noexcept { loop_of_this_thread = loop; }

void help_while_waiting(FutureState const& state, Deadline deadline) noexcept {
  if (!any_helper.load(std::memory_order_acquire)) return;
  if (auto const helper = latest()) helper->help(state, deadline);
}

}  // namespace farm::detail
