// What one decision of the scheduler costs: tasks that do nothing on groups that answer at once, in this process.
#include "core/scheduler.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace farm::detail;

namespace {

struct Answers final : SchedulerPort {
  struct Answer {
    GroupId group;
    std::uint64_t task;
  };

  void start_group(int ranks) override { starts.push_back(ranks); }
  bool withdraw_start(int /*ranks*/) override { return false; }
  void send_task(GroupId group, Task const& task, TaskHeader /*header*/) override { due.push_back({group, task.id}); }
  void end_group(GroupId /*group*/) override {}
  void release_group(GroupId group) override { leaving.push_back(group); }
  void drained() override { is_drained = true; }
  void stop_task(GroupId /*id*/, std::uint64_t /*index*/) override {}
  Clock::time_point now() override { return Clock::now(); }
  Clock::time_point roughly_now() override { return {}; }

  std::vector<int> starts;
  std::vector<GroupId> leaving;
  std::vector<Answer> due;
  bool is_drained = false;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Times {
  double start = 0;
  double submit = 0;
  double run = 0;
  double shutdown = 0;
};

/// `mixed`: every 16th task takes 4 times as many ranks, so that sizes compete for room.
Times measure(int groups, int ranks, std::size_t tasks, std::uint64_t run_nanoseconds, bool mixed) {
  Answers port;
  Scheduler scheduler{{.max_ranks = groups * ranks}, port};
  AnswerHeader const header{.run_nanoseconds = run_nanoseconds};
  farm::Bytes const payload{reinterpret_cast<char const*>(&header), sizeof header};
  std::vector<int> ranks_of{0};  // by group
  Times times;

  auto const let_start = [&] {
    while (!port.starts.empty()) {
      auto const starts = std::exchange(port.starts, {});
      for (int const each : starts) {
        ranks_of.push_back(each);
        scheduler.group_ready(ranks_of.size() - 1, each);
      }
    }
  };
  auto const let_go = [&] {
    auto const leaving = std::exchange(port.leaving, {});
    for (auto const group : leaving) scheduler.group_gone(group);
  };

  auto start = Clock::now();
  scheduler.boot(ranks);
  let_start();
  times.start = seconds_since(start);

  start = Clock::now();
  for (std::size_t i = 0; i < tasks; ++i) {
    auto task = make_intrusive<Task>(farm::CodeAddress{1, 2}, farm::Bytes{});
    task->ranks = mixed && i % 16 == 15 ? 4 * ranks : ranks;
    scheduler.submit(std::move(task));
  }
  times.submit = seconds_since(start);

  start = Clock::now();
  while (!scheduler.idle()) {
    auto const due = std::exchange(port.due, {});
    for (auto const& each : due) {
      Frame const frame{.type = FrameType::value, .id = each.task, .payload = payload};
      for (int rank = 0; rank < ranks_of[each.group]; ++rank) scheduler.answered(each.group, rank, frame, {});
    }
    let_go();
    let_start();
  }
  times.run = seconds_since(start);

  start = Clock::now();
  scheduler.shutdown(false);
  while (!port.is_drained) let_go();
  times.shutdown = seconds_since(start);
  return times;
}

}  // namespace

int main() {
  fmt::print("{:>8} {:>6} {:>9} {:>11} {:>6} | {:>12} {:>12} {:>14} {:>14}\n", "groups", "ranks", "tasks", "task",
             "sizes", "start ns/gr", "submit ns", "run ns/task", "shutdown ns/gr");
  constexpr std::size_t tasks = 1'000'000;
  for (bool const mixed : {false, true}) {
    for (int const groups : {100, 100'000}) {
      for (int const ranks : {1, 2}) {
        for (std::uint64_t const run : {1'000U, 1'000'000U}) {
          auto const times = measure(groups, ranks, tasks, run, mixed);
          fmt::print("{:>8} {:>6} {:>9} {:>8} us {:>6} | {:>12.0f} {:>12.0f} {:>14.0f} {:>14.0f}\n", groups, ranks,
                     tasks, run / 1000, mixed ? 2 : 1, times.start * 1e9 / groups, times.submit * 1e9 / tasks,
                     times.run * 1e9 / tasks, times.shutdown * 1e9 / groups);
        }
      }
    }
  }
}
