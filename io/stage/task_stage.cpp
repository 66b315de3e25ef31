#include <farm/detail/task_stage.hpp>

#include <fmt/format.h>

#include <unordered_map>

namespace farm::detail {
namespace {

/// The task that runs on this thread. Thread-local, since user code calls stage() and constructs slabs without passing
/// a context.
struct RunningTask {
  std::string const* group = nullptr;
  std::uint64_t task = 0;
  std::uint32_t attempt = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> counts{};
};
thread_local RunningTask running;

}  // namespace

std::string group_name(std::uint64_t group) { return fmt::format("g{}-", group); }

TaskStage::TaskStage(std::string const& group, std::uint64_t task, std::uint32_t attempt) noexcept {
  running.group = &group;
  running.task = task;
  running.attempt = attempt;
}

TaskStage::~TaskStage() {
  running.group = nullptr;
  if (!running.counts.empty()) running.counts.clear();
}

std::string TaskStage::prefix(std::string const& group, std::uint64_t task) {
  return fmt::format("{}t{}-", group, task);
}

std::string TaskStage::prefix() {
  if (running.group == nullptr) return {};
  return fmt::format("{}a{}-", prefix(*running.group, running.task), running.attempt);
}

std::uint64_t TaskStage::count(std::uint64_t key) { return ++running.counts[key]; }

}  // namespace farm::detail
