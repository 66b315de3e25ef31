// Tasks that are sent to a group before it is idle, and what becomes of them.
#include "core/scheduler/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <vector>

#include "tests/core/fake_groups.hpp"
#include "tests/support/catch.hpp"

using farm::CodeAddress;
using namespace farm::testing;
using namespace std::chrono_literals;
using Ids = std::vector<std::uint64_t>;
using Attempts = std::vector<std::uint32_t>;

namespace {

/// A group of 2 ranks that has answered task 0 and was sent tasks 1 to 32 ahead.
GroupId with_tasks_ahead(FakeGroups& farm) {
  farm.submit_many(100, 2);
  auto const group = farm.come_up();
  farm.finish(group, 10us);
  REQUIRE(farm.on(group).size() == 32);
  REQUIRE(farm.on(group).front() == 1);
  return group;
}

/// Two groups of 1 rank: group 1 has two tasks of 10 ms, group 2 has none, and the queue is empty.
void let_one_wait(FakeGroups& farm) {
  farm.recalls_work = true;
  farm.submit_many(7);
  farm.all_come_up();
  farm.finish(1, 10ms);
  while (!farm.on(2).empty()) farm.finish(2, 10ms);
  REQUIRE(farm.on(1).size() == 2);
}

}  // namespace

TEST_CASE("tasks that were sent ahead of a group that is ended go back to the head of the queue, in order") {
  FakeGroups farm{{.max_ranks = 2, .grace = 1s}};
  auto const group = with_tasks_ahead(farm);
  farm.fail(group, 1);
  farm.answer(group, 1);  // rank 1 has begun task 3
  farm.advance(1s);
  farm.gone(group);
  farm.order.clear();
  farm.run_all(10us);
  Ids expected;
  for (std::uint64_t id = 2; id < 100; ++id) expected.push_back(id);
  CHECK(farm.order == expected);
  // tasks that a rank had begun get another attempt number, the others do not
  CHECK(farm.attempts.at(2) == Attempts{1, 2});
  CHECK(farm.attempts.at(3) == Attempts{1, 2});
  CHECK(farm.attempts.at(4) == Attempts{1, 1});
}

TEST_CASE("an error in a task that was sent ahead waits for the task before it") {
  FakeGroups farm{{.max_ranks = 2, .grace = 1s}};
  auto const group = with_tasks_ahead(farm);
  farm.answer(group, 1);
  farm.fail(group, 1);  // in task 2, while rank 0 works at task 1
  CHECK_FALSE(farm.scheduler.next_deadline());
  farm.advance(1h);
  CHECK_FALSE(farm.groups.at(group).ended);
  farm.answer(group, 0);
  CHECK(farm.scheduler.next_deadline() == farm.clock + 1s);
}

TEST_CASE("an error in a task that was sent ahead does not extend the time of the task before it") {
  FakeGroups farm{{.max_ranks = 2, .grace = 1s}};
  farm.submit(2);
  auto const limited = make_intrusive<Task>(CodeAddress{}, "");
  limited->ranks = 2;
  limited->make_rare().timeout = 5s;
  farm.submit(limited);
  farm.submit_many(10, 2);
  auto const group = farm.come_up();
  farm.finish(group, 10us);
  REQUIRE(farm.on(group).size() > 1);
  farm.advance(3s);
  farm.answer(group, 1);
  farm.fail(group, 1);
  CHECK(farm.scheduler.next_deadline() == farm.clock + 2s);
}

TEST_CASE("after an error the task's communicator is made anew, and no other") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const group = with_tasks_ahead(farm);
  auto const slot = farm.groups.at(group).tasks.front().header.comm_slot;
  farm.submit_many(100, 2);
  farm.fail(group, 0);
  do {
    farm.finish(group, 10us);
  } while (farm.on(group).size() < 32);
  std::map<std::uint16_t, std::uint32_t> epochs;
  for (auto const& task : farm.groups.at(group).tasks) epochs[task.header.comm_slot] = task.header.comm_epoch;
  CHECK(epochs.size() == 32);  // all different
  for (auto const& [each, epoch] : epochs) CHECK(epoch == (each == slot ? 1 : 0));
}

TEST_CASE("after a task that used its communicator on any rank, the communicator is made anew, and no other") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const group = with_tasks_ahead(farm);
  auto const slot = farm.groups.at(group).tasks.front().header.comm_slot;
  farm.submit_many(100, 2);
  auto const rank = GENERATE(0, 1);
  farm.answer(group, rank, "value", 10us, answer_flags::used_comm);
  farm.answer(group, 1 - rank, "value", 10us);
  do {
    farm.finish(group, 10us);
  } while (farm.on(group).size() < 32);
  for (auto const& task : farm.groups.at(group).tasks)
    CHECK(task.header.comm_epoch == (task.header.comm_slot == slot ? 1 : 0));
}

TEST_CASE("a group of one rank makes its communicator anew by itself: tasks sent ahead have its epoch already") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.submit_many(10);
  auto const group = farm.come_up();
  for (int i = 0; i < 5; ++i) {
    farm.answer(group, 0, "value", 10us, answer_flags::used_comm);
    for (auto const& task : farm.groups.at(group).tasks) CHECK(task.header.comm_epoch == 0);
  }
}

TEST_CASE("tasks that were sent ahead and not begun are not blamed for a loss") {
  FakeGroups farm{{.max_ranks = 2, .max_losses = 1}};
  auto const tasks = farm.submit_many(100, 2);
  auto const group = farm.come_up();
  farm.finish(group, 10us);
  farm.answer(group, 1);  // to task 1, so that rank 1 may have begun task 2
  REQUIRE(farm.on(group).size() == 32);
  farm.lose(group);
  CHECK_THROWS_AS(rethrow(tasks[1]), farm::GroupLost);
  CHECK_THROWS_AS(rethrow(tasks[2]), farm::GroupLost);
  farm.gone(group);
  farm.run_all();
  for (std::size_t i = 3; i < tasks.size(); ++i) CHECK(has_value(tasks[i]));
}

TEST_CASE("nothing is sent ahead while run times are unknown or long") {
  auto const run = GENERATE(as<std::chrono::nanoseconds>{}, 200us, 1s);
  FakeGroups farm{{.max_ranks = 1}};
  farm.submit_many(100);
  auto const group = farm.come_up();
  CHECK(farm.on(group).size() == 1);
  for (int i = 0; i < 10; ++i) {
    farm.finish(group, run);
    CHECK(farm.on(group).size() == 1);
  }
}

TEST_CASE("short tasks are sent ahead; the shorter they are, the more") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.submit_many(1000);
  auto const group = farm.come_up();
  farm.finish(group, 100us);
  CHECK(farm.on(group).size() == 4);
  for (int i = 0; i < 20; ++i) farm.finish(group, 1us);
  std::set<std::size_t> sizes;
  for (int i = 0; i < 100; ++i) {
    farm.finish(group, 1us);
    sizes.insert(farm.on(group).size());
  }
  CHECK(*sizes.rbegin() == 64);  // many at once, when half of them are done
  CHECK(*sizes.begin() == 33);
  for (int i = 0; i < 100; ++i) farm.finish(group, 1s);
  CHECK(farm.on(group).size() == 1);
}

TEST_CASE("towards the end of the queue the groups share the remaining tasks") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.submit_many(100);
  farm.all_come_up();
  for (int round = 0; round < 40; ++round) {
    for (auto const id : farm.ids()) {
      if (!farm.on(id).empty()) farm.finish(id, 1us);
      std::size_t const queued = 100 - farm.order.size();
      CAPTURE(round, id, queued, farm.on(id).size());
      // after the last task sent to this group there is at least as much left for each of the others
      if (!farm.on(id).empty() && farm.on(id).back() == farm.order.back()) {
        CHECK(farm.on(id).size() <= 1 + (queued + 1) / 8 + 1);
      }
    }
  }
  CHECK(farm.scheduler.idle());
}

TEST_CASE("a task of some milliseconds is sent ahead if it can be recalled") {
  bool const recalls_work = GENERATE(true, false);
  FakeGroups farm{{.max_ranks = 1}};
  farm.recalls_work = recalls_work;
  farm.submit_many(100);
  auto const group = farm.come_up();
  farm.finish(group, 10ms);
  CHECK(farm.on(group).size() == (recalls_work ? 2 : 1));
  for (int i = 0; i < 20; ++i) farm.finish(group, 1s);
  CHECK(farm.on(group).size() == 1);
}

TEST_CASE("tasks that wait behind a long one are recalled when another group is idle, and run there") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.recalls_work = true;
  auto const tasks = farm.submit_many(200);
  farm.all_come_up();
  for (int i = 0; i < 20; ++i) farm.finish(1, 10us);
  auto const waiting = farm.on(1).size() - 1;
  REQUIRE(waiting > 8);
  while (!farm.on(2).empty()) farm.finish(2, 10us);
  REQUIRE(farm.on(1).size() == waiting + 1);
  CHECK(farm.groups.at(1).recall_end == 0);  // the first task may still be short
  farm.advance(900us);
  CHECK(farm.groups.at(1).recall_end == 0);
  farm.advance(200us);
  CHECK(farm.groups.at(1).recall_end != 0);
  farm.give_back(1, 1);
  CHECK(farm.on(1).size() == 1);
  while (!farm.on(2).empty()) farm.finish(2, 10us);
  CHECK(farm.scheduler.statistics().tasks_done == 199);
  farm.finish(1, 1s);
  CHECK(farm.scheduler.idle());
  for (auto const& task : tasks) CHECK(has_value(task));
  for (auto const& [task, attempts] : farm.attempts) CHECK(attempts.back() == 1);
  CHECK_FALSE(farm.scheduler.next_deadline());
}

TEST_CASE("a longer task that waits is recalled at once") {
  FakeGroups farm{{.max_ranks = 2}};
  let_one_wait(farm);
  CHECK(farm.groups.at(1).recall_end == 0);
  farm.advance(0s);
  CHECK(farm.groups.at(1).recall_end != 0);
  farm.give_back(1, 1);
  CHECK(farm.on(2).size() == 1);
}

TEST_CASE("waiting tasks are watched as long as a group can give them back") {
  FakeGroups farm{{.max_ranks = 3}};
  farm.can_withdraw = false;
  farm.scheduler.boot({.ranks = 1});
  bool watched = false;
  auto const able_comes = [&] {
    farm.recalls_work = true;
    auto const group = farm.come_up();
    farm.recalls_work = false;
    return group;
  };
  SECTION("there is none") {}
  SECTION("there is one") {
    able_comes();
    watched = true;
  }
  SECTION("there was one that was lost") {
    auto const group = able_comes();
    farm.lose(group);
    farm.gone(group);
  }
  SECTION("there was one that was released") {
    able_comes();
    farm.scheduler.release_idle();
    farm.all_gone();
  }
  farm.all_come_up();
  farm.submit_many(200);
  auto const ids = farm.ids();
  for (int i = 0; i < 20; ++i) farm.finish(ids.back(), 10us);
  for (auto const id : ids) {
    while (id != ids.back() && !farm.on(id).empty()) farm.finish(id, 10us);
  }
  REQUIRE(farm.on(ids.back()).size() > 1);
  CHECK(farm.scheduler.next_deadline().has_value() == watched);
}

TEST_CASE("a recall leaves tasks on the group that it has begun, and tasks that it was sent later") {
  FakeGroups farm{{.max_ranks = 2}};
  let_one_wait(farm);
  farm.advance(0s);
  REQUIRE(farm.groups.at(1).recall_end != 0);
  while (!farm.on(1).empty()) farm.finish(1, 10ms);
  farm.submit_many(2);  // one for each group
  CHECK(farm.on(1).size() == 1);
  farm.give_back(1, 0);
  CHECK(farm.on(1).size() == 1);
  CHECK_THROWS_AS(farm.scheduler.recalled(1, 0), ProtocolError);
  farm.finish(1);
  farm.finish(2);
  CHECK(farm.scheduler.idle());
}

TEST_CASE("a task that was sent ahead and is cancelled is recalled rather than begun") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.recalls_work = true;
  farm.submit_many(2);
  auto const task = make_intrusive<Task>(CodeAddress{11, 22}, "");
  task->cancellable = true;
  task->make_rare().stop = [](Task&) {};
  farm.submit(task);
  farm.submit_many(5);
  auto const group = farm.come_up();
  farm.finish(group, 10ms);
  REQUIRE(farm.on(group) == std::vector<std::uint64_t>{1, 2});
  CHECK(task->cancel());
  farm.scheduler.stop(*task);
  CHECK(farm.stops.empty());
  farm.give_back(group, 1);
  CHECK(farm.on(group) == std::vector<std::uint64_t>{1});
  farm.finish(group, 10ms);
  CHECK(farm.on(group) == std::vector<std::uint64_t>{3, 4});
  CHECK(farm.stops.empty());
}
