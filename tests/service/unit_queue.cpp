// The queue of jobs, on a real store.
#include "spawn/service/queue/job_queue.hpp"
#include "spawn/service/store/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/error.hpp>

#include <stdlib.h>
#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace farm::detail;
namespace fs = std::filesystem;

namespace {

/// A queue in a directory of its own. reopen() is what a new server does.
class OnDisk {
 public:
  OnDisk() : directory_(make_directory()) { open(); }
  OnDisk(OnDisk const&) = delete;
  OnDisk& operator=(OnDisk const&) = delete;
  ~OnDisk() {
    queue_.reset();
    store_.reset();
    fs::remove_all(directory_);
  }

  void reopen() {
    flush();
    queue_.reset();
    store_.reset();
    open();
  }
  void flush() { REQUIRE(store_->flush(60)); }
  JobQueue& operator*() { return *queue_; }
  JobQueue* operator->() { return queue_.get(); }
  Store& store() { return *store_; }

  std::uint64_t submit(JobSpec spec, std::vector<TaskSpec> tasks) {
    std::promise<std::uint64_t> number;
    queue_->submit(std::move(spec), std::move(tasks), [&](std::uint64_t job, std::string const& error) {
      INFO(error);
      number.set_value(job);
    });
    return number.get_future().get();
  }

 private:
  static fs::path make_directory() {
    auto path = (fs::temp_directory_path() / "farm-queue-XXXXXX").string();
    REQUIRE(mkdtemp(path.data()) != nullptr);
    return path;
  }
  void open() {
    store_ = std::make_unique<Store>(directory_);
    queue_ = std::make_unique<JobQueue>(*store_, store_->load());
  }

  fs::path directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<JobQueue> queue_;
};

JobSpec calc(std::string name = {}) { return {.name = std::move(name), .kinds = {{.function = "calc"}}}; }

std::vector<TaskSpec> inputs(std::size_t count) {
  std::vector<TaskSpec> tasks(count);
  for (std::size_t i = 0; i < count; ++i) tasks[i].input = std::to_string(i);
  return tasks;
}

std::vector<TaskName> names(std::vector<ReadyTask> const& ready) {
  std::vector<TaskName> list;
  for (auto const& each : ready) list.push_back(each.name);
  return list;
}

void end(OnDisk& queue, TaskName name, TaskState state = TaskState::finished, std::uint32_t attempts = 1) {
  queue->end({{.job = name.job, .task = name.task, .state = state, .attempts = attempts, .ended = 1, .value = "1"}});
  queue.flush();
}

std::uint64_t count(JobInfo const& info, TaskState state) { return info.counts[static_cast<std::size_t>(state)]; }

}  // namespace

TEST_CASE("the tasks of a job are given out in their order, each once") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(5));
  CHECK(names(queue->take(3)) == std::vector<TaskName>{{job, 0}, {job, 1}, {job, 2}});
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{job, 3}, {job, 4}});
  CHECK(queue->take(9).empty());
  CHECK(queue->info(job).state == TaskState::running);
}

TEST_CASE("a task counts as finished once its end is on disk, and a new server does not run it again") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(3));
  static_cast<void>(queue->take(2));
  end(queue, {job, 1});
  CHECK(queue->state({job, 1}) == TaskState::finished);
  CHECK(queue->attempts({job, 1}) == 1);
  queue.reopen();
  CHECK(count(queue->info(job), TaskState::finished) == 1);
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{job, 0}, {job, 2}});
}

TEST_CASE("an attempt that a server has recorded as begun counts for the next server") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(2));
  static_cast<void>(queue->take(2));
  queue.store().add_ends({{.job = job, .task = 1, .state = TaskState::running, .attempts = 1, .started = 5}}, [] {});
  queue.reopen();
  auto const ready = queue->take(2);
  REQUIRE(ready.size() == 2);
  CHECK(ready[0].attempts == 0);
  CHECK(ready[1].attempts == 1);
}

TEST_CASE("the end of a task that has ended already is ignored") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(1));
  static_cast<void>(queue->take(1));
  end(queue, {job, 0}, TaskState::finished);
  end(queue, {job, 0}, TaskState::failed);
  CHECK(queue->state({job, 0}) == TaskState::finished);
  CHECK(queue.store().history(job, 0).size() == 1);
}

TEST_CASE("jobs of higher priority come first, and equal jobs share") {
  OnDisk queue;
  auto const large = queue.submit(calc("large"), inputs(1000));
  static_cast<void>(queue->take(100));
  auto const small = queue.submit(calc("small"), inputs(3));
  std::map<std::uint64_t, int> given;
  for (auto const& each : queue->take(6)) ++given[each.name.job];
  CHECK(given[small] == 3);
  CHECK(given[large] == 3);
  auto urgent = calc("urgent");
  urgent.priority = 1;
  auto const first = queue.submit(urgent, inputs(2));
  CHECK(names(queue->take(2)) == std::vector<TaskName>{{first, 0}, {first, 1}});
  queue->set_priority(large, 5, nullptr);
  CHECK(queue->take(1).front().name.job == large);
}

TEST_CASE("a job that has waited for long does not keep others waiting afterwards") {
  OnDisk queue;
  auto held = calc("held");
  held.hold = true;
  auto const late = queue.submit(held, inputs(100));
  auto const early = queue.submit(calc("early"), inputs(1000));
  static_cast<void>(queue->take(500));
  CHECK(queue->hold(late, false, nullptr) == 100);
  std::map<std::uint64_t, int> given;
  for (auto const& each : queue->take(20)) ++given[each.name.job];
  CHECK(given[early] >= 9);
  CHECK(given[late] >= 9);
}

TEST_CASE("a held job runs nothing until it is released, also under a new server") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(4));
  static_cast<void>(queue->take(1));
  CHECK(queue->hold(job, true, nullptr) == 3);
  CHECK(queue->take(9).empty());
  CHECK(count(queue->info(job), TaskState::held) == 3);
  queue.reopen();
  CHECK(queue->info(job).state == TaskState::held);
  CHECK(queue->take(9).empty());
  CHECK_THAT(queue->why_not_running({job, 1}), contains("held"));
  CHECK(queue->hold(job, false, nullptr) == 4);
  CHECK(queue->take(9).size() == 4);
}

TEST_CASE("a task waits for those that it needs, and is cancelled if one has failed") {
  OnDisk queue;
  auto tasks = inputs(4);
  tasks[1].needs = {0};
  tasks[2].needs = {0, 1};
  tasks[3].needs = {2};
  auto const job = queue.submit(calc(), tasks);
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{job, 0}});
  CHECK(queue->state({job, 1}) == TaskState::blocked);
  CHECK_THAT(queue->why_not_running({job, 2}), contains("0"));
  end(queue, {job, 0});
  queue.reopen();
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{job, 1}});
  end(queue, {job, 1}, TaskState::failed);
  queue.flush();
  queue.flush();  // the end of 3 follows that of 2
  CHECK(queue->state({job, 2}) == TaskState::cancelled);
  CHECK(queue->state({job, 3}) == TaskState::cancelled);
  CHECK(queue->info(job).state == TaskState::failed);
  CHECK_THAT(queue.store().ends(job, 2, 1).at(0).value, contains("task 1, which it needs"));
  CHECK(queue->retry(job, {{}}, nullptr) == 3);
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{job, 1}});
  CHECK(queue->state({job, 3}) == TaskState::blocked);
}

TEST_CASE("needs that point nowhere or in a circle are refused") {
  OnDisk queue;
  auto const refuse = [&](std::vector<TaskSpec> const& tasks) {
    return error_of<farm::UsageError>([&] { queue->submit(calc(), tasks, nullptr); });
  };
  auto tasks = inputs(3);
  tasks[1].needs = {7};
  CHECK_THAT(refuse(tasks), contains("task 1 needs task 7"));
  tasks[1].needs = {2};
  tasks[2].needs = {1};
  CHECK_THAT(refuse(tasks), contains("needs itself"));
  tasks = inputs(1);
  tasks[0].kind = 3;
  CHECK_THAT(refuse(tasks), contains("kind 3"));
  CHECK_THAT(refuse({}), contains("no tasks"));
  CHECK(queue->size() == 0);
}

TEST_CASE("a job waits for the jobs after which it comes, and is cancelled if one has failed") {
  OnDisk queue;
  auto const first = queue.submit(calc(), inputs(1));
  auto spec = calc();
  spec.after = {first};
  auto const second = queue.submit(spec, inputs(1));
  spec.after = {second};
  auto const third = queue.submit(spec, inputs(1));
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{first, 0}});
  CHECK(queue->info(second).state == TaskState::blocked);
  CHECK_THAT(queue->info(second).why, contains(std::to_string(first)));
  end(queue, {first, 0});
  queue.reopen();
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{second, 0}});
  end(queue, {second, 0}, TaskState::failed);
  queue.flush();
  CHECK(queue->info(third).state == TaskState::cancelled);
  spec.after = {99};
  CHECK_THAT(error_of<farm::UsageError>([&] { queue->submit(spec, inputs(1), nullptr); }), contains("no job 99"));
}

TEST_CASE("cancelling ends what waits and asks for what runs to be stopped") {
  OnDisk queue;
  std::vector<TaskName> stopped;
  queue->set_stop_callback([&](std::vector<TaskName> const& list) { stopped = list; });
  auto const job = queue.submit(calc(), inputs(5));
  static_cast<void>(queue->take(2));
  std::atomic<bool> is_done{false};
  CHECK(queue->cancel(job, {{1, 3}}, [&] { is_done = true; }) == 3);
  queue.flush();
  CHECK(is_done);
  CHECK(stopped == std::vector<TaskName>{{job, 1}});
  CHECK(queue->state({job, 1}) == TaskState::running);
  CHECK(queue->state({job, 3}) == TaskState::cancelled);
  queue->give_back({{job, 1}, {job, 0}});  // the pool had not begun them
  queue.flush();
  CHECK(queue->state({job, 1}) == TaskState::cancelled);
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{job, 0}, {job, 4}});
}

TEST_CASE("retrying lets failed and cancelled tasks run again, with the next attempt") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(3));
  static_cast<void>(queue->take(2));
  end(queue, {job, 0}, TaskState::finished);
  end(queue, {job, 1}, TaskState::failed, 3);
  queue->cancel(job, {{}}, nullptr);
  queue.flush();
  CHECK(queue->info(job).state == TaskState::failed);
  CHECK(queue->info(job).first_failed == 1);
  CHECK(queue->retry(job, {{}}, nullptr) == 2);
  queue.reopen();
  auto const ready = queue->take(9);
  REQUIRE(names(ready) == std::vector<TaskName>{{job, 1}, {job, 2}});
  CHECK(ready[0].attempts == 3);
  CHECK(ready[1].attempts == 0);
}

TEST_CASE("after so many failures no other task of the job begins") {
  OnDisk queue;
  auto spec = calc();
  spec.max_fails = 2;
  auto const job = queue.submit(spec, inputs(10));
  static_cast<void>(queue->take(3));
  end(queue, {job, 0}, TaskState::failed);
  CHECK(count(queue->info(job), TaskState::waiting) == 7);
  end(queue, {job, 1}, TaskState::failed);
  queue.flush();
  CHECK(queue->take(9).empty());
  CHECK(count(queue->info(job), TaskState::cancelled) == 7);
  end(queue, {job, 2});
  CHECK(queue->info(job).state == TaskState::failed);
}

TEST_CASE("the same key is the same job, at once, later and under a new server") {
  OnDisk queue;
  auto spec = calc();
  spec.key = "abc";
  auto const job = queue.submit(spec, inputs(2));
  CHECK(queue.submit(spec, inputs(2)) == job);
  queue.reopen();
  CHECK(queue.submit(spec, inputs(2)) == job);
  CHECK(queue->size() == 1);
}

TEST_CASE("only a job that has ended can be forgotten, and nothing of it is left") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(1));
  CHECK_THAT(error_of<QueueError>([&] { queue->forget(job, nullptr); }), contains("has not ended"));
  static_cast<void>(queue->take(1));
  end(queue, {job, 0});
  queue->forget(job, nullptr);
  CHECK_THAT(error_of<QueueError>([&] { static_cast<void>(queue->info(job)); }), contains("there is no job"));
  queue.reopen();
  CHECK(queue->size() == 0);
  CHECK(queue.submit(calc(), inputs(1)) > job);
}

TEST_CASE("who waits for a job is told once it has ended on disk") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(1));
  std::atomic<int> told{0};
  queue->when_ended(job, [&] { ++told; });
  auto const other = queue->when_ended(job, [&] { told = 100; });
  queue->stop_waiting(job, other);
  static_cast<void>(queue->take(1));
  CHECK(told == 0);
  end(queue, {job, 0});
  CHECK(told == 1);
  queue->when_ended(job, [&] { ++told; });
  CHECK(told == 2);
}

TEST_CASE("a group's claim takes the task that it names, unless that has ended") {
  OnDisk queue;
  auto const job = queue.submit(calc(), inputs(3));
  REQUIRE(queue->take(TaskName{job, 1}).has_value());
  CHECK(!queue->take(TaskName{job, 1}).has_value());
  CHECK(!queue->take(TaskName{job, 9}).has_value());
  CHECK(!queue->take(TaskName{job + 1, 0}).has_value());
  end(queue, {job, 1});
  CHECK(!queue->take(TaskName{job, 1}).has_value());
  CHECK(names(queue->take(9)) == std::vector<TaskName>{{job, 0}, {job, 2}});
}

TEST_CASE("random events leave each task with one end, under any number of servers") {
  OnDisk queue;
  std::uint32_t seed = 12345;
  auto const random = [&seed](std::uint32_t most) { return (seed = seed * 1664525U + 1013904223U) / 65536U % most; };
  std::vector<std::uint64_t> jobs;
  std::vector<TaskName> running;
  for (int step = 0; step < 600; ++step) {
    switch (random(8)) {
      case 0:
        if (jobs.size() < 12) jobs.push_back(queue.submit(calc(), inputs(1 + random(20))));
        break;
      case 1:
      case 2:
        for (auto const& each : queue->take(1 + random(5))) running.push_back(each.name);
        break;
      case 3:
      case 4:
        if (!running.empty()) {
          auto const which = running.begin() + random(static_cast<std::uint32_t>(running.size()));
          queue->end({{.job = which->job,
                       .task = which->task,
                       .state = random(4) == 0 ? TaskState::failed : TaskState::finished,
                       .attempts = 1,
                       .value = "0"}});
          running.erase(which);
        }
        break;
      case 5:
        if (!running.empty() && random(3) == 0) {
          queue->give_back(running);
          running.clear();
        }
        break;
      case 6:
        if (!jobs.empty() && random(4) == 0)
          queue->hold(jobs[random(static_cast<std::uint32_t>(jobs.size()))], random(2) == 0, nullptr);
        break;
      default:
        if (random(20) == 0) {
          queue.reopen();
          running.clear();
        }
    }
  }
  for (auto const job : jobs) queue->hold(job, false, nullptr);
  queue->give_back(running);
  for (;;) {
    auto const ready = queue->take(64);
    if (ready.empty()) break;
    for (auto const& each : ready) end(queue, each.name);
  }
  for (auto const job : jobs) {
    CHECK(has_ended(queue->info(job).state));
    auto const size = queue->info(job).tasks;
    for (std::uint64_t task = 0; task < size; ++task) {
      std::size_t ends = 0;
      for (auto const& each : queue.store().history(job, task)) ends += has_ended(each.state) ? 1 : 0;
      CHECK(ends == 1);
    }
  }
}
