// scheduler: measures the scheduler's processor time per task, in nanoseconds: 10 million tasks of two sizes and four
// priorities, a million queued at once, on 100 to 100 thousand fake groups that answer at once.
#include "core/scheduler/scheduler.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <utility>
#include <vector>

using namespace farm::detail;

namespace {

struct Answers final : SchedulerPort {
  struct Answer {
    GroupId group;
    std::uint64_t task;
  };

  void start_group(Request const& request) override { starts.push_back(request); }
  bool withdraw_start(Request const& /*request*/) override { return false; }
  void send_task(GroupId group, Task const& task, TaskHeader /*header*/) override { due.push_back({group, task.id}); }
  void end_group(GroupId /*group*/) override {}
  void release_group(GroupId group) override { leaving.push_back(group); }
  void drained() override { is_drained = true; }
  void stop_task(GroupId /*id*/, std::uint64_t /*index*/) override {}
  Clock::time_point now() override { return Clock::now(); }
  Clock::time_point roughly_now() override { return {}; }

  std::vector<Request> starts;
  std::vector<GroupId> leaving;
  std::vector<Answer> due;
  bool is_drained = false;
};

constexpr std::size_t tasks = 10'000'000;
constexpr std::size_t most_queued = 1'000'000;

TaskPtr make_task(std::size_t number) {
  auto task = make_intrusive<Task>(farm::CodeAddress{1, 2}, farm::Bytes{});
  task->id = number;
  task->ranks = number % 16 == 15 ? 4 : 1;  // the sizes compete for slots
  task->priority = static_cast<std::int32_t>(number % 4);
  return task;
}

double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// Measures the scheduler's processor time per task, from submission to end. Making the tasks and releasing their
/// futures is not part of it.
double measure(int groups, std::uint64_t run_nanoseconds) {
  Answers port;
  Scheduler scheduler{{.max_ranks = groups}, port};
  AnswerHeader const header{.run_nanoseconds = run_nanoseconds};
  farm::Bytes const payload{reinterpret_cast<char const*>(&header), sizeof header};
  std::vector<int> ranks_of{0};  // by group

  auto const let_start = [&] {
    while (!port.starts.empty()) {
      auto const starts = std::exchange(port.starts, {});
      for (auto const& each : starts) {
        ranks_of.push_back(each.ranks);
        scheduler.group_ready(ranks_of.size() - 1, each);
      }
    }
  };
  auto const let_go = [&] {
    auto const leaving = std::exchange(port.leaving, {});
    for (auto const group : leaving) scheduler.group_gone(group);
  };

  scheduler.boot({.ranks = 1});
  let_start();
  std::vector<TaskPtr> futures;
  std::vector<TaskPtr> made;
  double time = 0;
  for (std::size_t submitted = 0; submitted < tasks || !scheduler.idle();) {
    auto const queued = submitted - scheduler.statistics().tasks_done;
    for (std::size_t i = queued; i < most_queued && submitted < tasks; ++i) made.push_back(make_task(submitted++));
    futures.insert(futures.end(), made.begin(), made.end());
    if (futures.size() > 2 * most_queued) std::erase_if(futures, [](TaskPtr const& task) { return task->done(); });
    double const start = cpu_ns();
    scheduler.submit(std::move(made));
    made.clear();
    auto const due = std::exchange(port.due, {});
    for (auto const& each : due) {
      Frame const frame{.type = FrameType::value, .id = each.task, .payload = payload};
      for (int rank = 0; rank < ranks_of[each.group]; ++rank) scheduler.answered(each.group, rank, frame, {});
    }
    let_go();
    let_start();
    time += cpu_ns() - start;
  }
  scheduler.shutdown(false);
  while (!port.is_drained) let_go();
  return time / static_cast<double>(tasks);
}

}  // namespace

int main() {
  for (auto const& [kind, run] : {std::pair{"short", 1'000U}, std::pair{"long", 1'000'000U}}) {
    for (int const groups : {100, 1'000, 10'000, 100'000}) {
      fmt::print("scheduler_{}_{}_ns {:.1f}\n", kind, groups, measure(groups, run));
      std::fflush(stdout);
    }
  }
}
