// Groups of an earlier scheduler, with the tasks that they run.
#include "core/scheduler/scheduler.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "tests/core/fake_groups.hpp"
#include "tests/support/catch.hpp"

using farm::CodeAddress;
using namespace farm::testing;
using namespace std::chrono_literals;

namespace {

/// A task of an earlier scheduler, which knows it as `id`.
Scheduler::Inherited inherited(TaskPtr task, std::uint64_t id, std::uint64_t number, Clock::duration ran = {}) {
  return {.task = std::move(task), .id = id, .number = number, .ran_before = ran};
}

TaskPtr make_task(int ranks) {
  auto task = make_intrusive<Task>(CodeAddress{11, 22}, "");
  task->ranks = ranks;
  return task;
}

void answer(Scheduler& scheduler, GroupId group, int rank, std::uint64_t task, std::string const& value) {
  AnswerHeader const header{1000};
  std::string payload{reinterpret_cast<char const*>(&header), sizeof header};
  payload += value;
  scheduler.answered(group, rank, {FrameType::value, task, payload}, "nodeA");
}

}  // namespace

TEST_CASE("an inherited group finishes its tasks, and then runs those of the queue") {
  FakeGroups farm{{.max_ranks = 2}};
  Request const request{.ranks = 2};
  farm.scheduler.expect_group(request);
  auto const waiting = farm.submit(2);
  CHECK(farm.starts.empty());  // the expected group has the ranks
  auto const answered = make_task(2);
  auto const running = make_task(2);
  farm.groups[7] = {.id = 7, .request = request, .ranks = 2, .tasks = {}, .sent = 5, .epochs = {{0, 1U << 20U}}};
  farm.scheduler.inherit(7, request, {inherited(answered, 70, 3), inherited(running, 71, 4)}, 3, 5, 1);
  CHECK(running->rare->number == 4);
  answer(farm.scheduler, 7, 0, 70, "a");
  answer(farm.scheduler, 7, 1, 70, "");
  REQUIRE(answered->done());
  answer(farm.scheduler, 7, 1, 71, "");
  CHECK_FALSE(running->done());
  answer(farm.scheduler, 7, 0, 71, "b");
  CHECK(running->done());
  REQUIRE(farm.groups.at(7).tasks.size() == 1);
  CHECK(farm.groups.at(7).tasks.front().header.comm_epoch >= 1U << 20U);  // a communicator that the ranks do not know
  farm.finish(7);
  CHECK(waiting->done());
}

TEST_CASE("an inherited group without tasks is idle at once") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.scheduler.expect_group({.ranks = 1});
  auto const task = farm.submit(1);
  farm.groups[7] = {.id = 7, .request = {.ranks = 1}, .ranks = 1, .tasks = {}, .sent = 9, .epochs = {}};
  farm.scheduler.inherit(7, {.ranks = 1}, {}, 9, 9, 2);
  farm.finish(7);
  CHECK(task->done());
}

TEST_CASE("an inherited task that nobody wants is stopped with its group, and its answer counts for nothing") {
  FakeGroups farm{{.max_ranks = 1, .grace = 1s}};
  farm.scheduler.expect_group({.ranks = 1});
  farm.groups[7] = {.id = 7, .request = {.ranks = 1}, .ranks = 1, .tasks = {}, .sent = 2, .epochs = {}};
  auto const wanted = make_task(1);
  farm.scheduler.inherit(7, {.ranks = 1}, {inherited({}, 70, 0), inherited(wanted, 71, 1)}, 0, 2, 1);
  bool const answers = GENERATE(true, false);
  if (answers) {
    answer(farm.scheduler, 7, 0, 70, "unwanted");
    answer(farm.scheduler, 7, 0, 71, "wanted");
    CHECK(wanted->done());
  } else {
    farm.advance(10ms);
    CHECK(farm.groups.at(7).ended);
    farm.gone(7);
    CHECK(farm.starts.size() == 1);  // the other task runs on another group
  }
}

TEST_CASE("the time that an inherited task has run counts for its limit") {
  FakeGroups farm{{.max_ranks = 1, .grace = 1s}};
  farm.scheduler.expect_group({.ranks = 1});
  farm.groups[7] = {.id = 7, .request = {.ranks = 1}, .ranks = 1, .tasks = {}, .sent = 1, .epochs = {}};
  auto const task = make_task(1);
  task->make_rare().timeout = 60s;
  farm.clock = Clock::now();
  farm.scheduler.inherit(7, {.ranks = 1}, {inherited(task, 70, 0, 50s)}, 0, 1, 1);
  CHECK(farm.scheduler.next_deadline() == farm.clock + 10s);
}

TEST_CASE("the task of an inherited group that is lost runs again, as its next attempt") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.scheduler.expect_group({.ranks = 1});
  farm.groups[7] = {.id = 7, .request = {.ranks = 1}, .ranks = 1, .tasks = {}, .sent = 1, .epochs = {}};
  auto const task = make_task(1);
  task->make_rare().earlier_attempts = 1;
  farm.scheduler.inherit(7, {.ranks = 1}, {inherited(task, 0, 0)}, 0, 1, 1);
  CHECK(task->attempt() == 2);
  farm.scheduler.group_lost(7, "rank 0 died");
  CHECK(task->attempt() == 3);
}

TEST_CASE("the ranks of an expected group that does not come are free again") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.scheduler.expect_group({.ranks = 1});
  auto const task = farm.submit(1);
  CHECK(farm.starts.empty());
  farm.scheduler.not_inherited({.ranks = 1});
  CHECK(farm.starts.size() == 1);
  farm.finish(farm.come_up());
  CHECK(task->done());
}
