// Tasks that do not end with a value: errors, retries, time limits, cancelling.
#include "core/scheduler/scheduler.hpp"

#include <farm/error.hpp>

#include <chrono>
#include <vector>

#include "tests/core/fake_groups.hpp"
#include "tests/support/catch.hpp"

using farm::CodeAddress;
using namespace farm::testing;
using namespace std::chrono_literals;
using Ids = std::vector<std::uint64_t>;
using Attempts = std::vector<std::uint32_t>;

TEST_CASE("the longest time limit and the longest grace never pass") {
  auto const longest = Clock::duration::max();
  FakeGroups farm{{.max_ranks = 1, .grace = longest}};
  farm.clock = Clock::now();
  auto const task = make_intrusive<Task>(CodeAddress{}, "");
  task->make_rare().timeout = longest;
  farm.submit(task);
  auto const group = farm.come_up();
  CHECK_FALSE(farm.scheduler.next_deadline());
  farm.advance(std::chrono::hours{24 * 365 * 100});
  CHECK_FALSE(task->done());
  CHECK(farm.stops.empty());
  farm.finish(group);
  CHECK(has_value(task));

  auto const listening = make_intrusive<Task>(CodeAddress{}, "");
  listening->listens = true;
  listening->make_rare().timeout = std::chrono::seconds{1};
  farm.submit(listening);
  farm.advance(std::chrono::seconds{2});
  CHECK(farm.stops == std::vector<std::uint64_t>{1});
  farm.advance(std::chrono::hours{24});
  CHECK_FALSE(farm.groups.at(group).ended);
}

TEST_CASE("a rank's error fails the task at once, and the group stays if its other ranks answer in time") {
  FakeGroups farm{{.max_ranks = 3, .grace = 1s}};
  auto const task = farm.submit(3);
  auto const next = farm.submit(3);
  auto const group = farm.come_up();
  farm.fail(group, 1, "bad input");
  REQUIRE(task->done());
  try {
    rethrow(task);
  } catch (farm::TaskError const& e) {
    CHECK(e.task() == 0);
    CHECK(e.rank() == 1);
    CHECK(e.ranks() == 3);
    CHECK(e.host() == "node7");
    CHECK(e.text() == "bad input");
  }
  CHECK(farm.scheduler.next_deadline() == farm.clock + 1s);
  farm.answer(group, 0);
  farm.fail(group, 2, "another");
  CHECK_THROWS_WITH(rethrow(task), contains("bad input"));  // the first error decides
  CHECK_FALSE(farm.scheduler.next_deadline());
  CHECK(farm.where(next) == group);
  farm.advance(10s);
  farm.finish(group);
  CHECK(has_value(next));
}

TEST_CASE("the grace of a rank that threw starts with the first error") {
  FakeGroups farm{{.max_ranks = 3, .grace = 1s}};
  farm.submit(3);
  auto const group = farm.come_up();
  farm.fail(group, 1);
  farm.advance(600ms);
  farm.fail(group, 2);
  CHECK(farm.scheduler.next_deadline() == farm.clock + 400ms);
}

TEST_CASE("after an error a group is ended and replaced if its other ranks do not answer in time") {
  FakeGroups farm{{.max_ranks = 2, .grace = 1s}};
  auto const bad = farm.submit(2);
  auto const good = farm.submit(2);
  auto const group = farm.come_up();
  farm.fail(group, 1);
  farm.advance(999ms);
  CHECK_FALSE(farm.groups.at(group).ended);
  farm.advance(1ms);
  CHECK(farm.groups.at(group).ended);
  CHECK(farm.starts.empty());  // its slots are not free yet
  farm.gone(group);
  farm.come_up();
  farm.run_all();
  CHECK(has_value(good));
  CHECK_THROWS_AS(rethrow(bad), std::invalid_argument);
  CHECK(farm.attempts.at(good->id) == Attempts{1});
}

TEST_CASE("a task that exceeds its time limit fails, and its group is ended") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const limited = make_intrusive<Task>(CodeAddress{}, "");
  limited->ranks = 2;
  limited->make_rare().timeout = 5s;
  auto const before = farm.submit(2);
  farm.submit(limited);
  auto const after = farm.submit(2);
  auto const group = farm.come_up();
  farm.advance(1h);  // the time in the queue does not count
  farm.finish(group);
  REQUIRE(farm.where(limited) == group);
  CHECK(farm.scheduler.next_deadline() == farm.clock + 5s);
  farm.advance(4999ms);
  CHECK_FALSE(limited->done());
  farm.advance(1ms);
  CHECK_THROWS_AS(rethrow(limited), farm::TimeoutError);
  CHECK_THROWS_WITH(rethrow(limited), contains("5 s"));
  CHECK(farm.groups.at(group).ended);
  farm.gone(group);
  farm.run_all();
  CHECK(has_value(before));
  CHECK(has_value(after));
  CHECK(farm.scheduler.statistics().tasks_done == 3);
}

TEST_CASE(
    "a task with a TaskContext that exceeds its time limit is asked to stop, and its group stays if the task does") {
  FakeGroups farm{{.max_ranks = 2, .grace = 1s}};
  auto const limited = make_intrusive<Task>(CodeAddress{}, "");
  limited->ranks = 2;
  limited->listens = true;
  limited->make_rare().timeout = 5s;
  farm.submit(limited);
  auto const next = farm.submit(2);
  auto const group = farm.come_up();
  farm.advance(5s);
  CHECK_THROWS_AS(rethrow(limited), farm::TimeoutError);
  CHECK(farm.stops == Ids{limited->id});
  farm.advance(999ms);
  SECTION("it does") {
    farm.finish(group);
    farm.advance(1h);
    CHECK(farm.where(next) == group);
    CHECK(farm.stops.size() == 1);
    farm.run_all();
  }
  SECTION("one of its ranks does not") {
    farm.answer(group, 0);
    farm.advance(1ms);
    CHECK(farm.groups.at(group).ended);
    farm.run_all();
  }
  CHECK(has_value(next));
  CHECK(farm.scheduler.statistics().tasks_done == 2);
}

TEST_CASE("a running task can be cancelled if it is cancellable, and is stopped as after a timeout") {
  FakeGroups farm{{.max_ranks = 1, .grace = 1s}};
  bool const listens = GENERATE(true, false);
  bool const sent_ahead = GENERATE(true, false);
  CAPTURE(listens, sent_ahead);
  if (sent_ahead) {
    farm.submit_many(40);
    farm.come_up();
    farm.finish(1, 1us);
    REQUIRE(farm.on(1).size() > 3);
  }
  auto const task = make_intrusive<Task>(CodeAddress{}, "");
  std::vector<Task*> stopped;
  task->listens = listens;
  task->priority = 1;
  task->cancellable = true;
  task->make_rare().stop = [&](Task& each) { stopped.push_back(&each); };
  farm.submit(task);
  if (sent_ahead) {
    while (farm.where(task) == 0) farm.finish(1, 1us);
  } else {
    farm.come_up();
  }
  REQUIRE(farm.where(task) == 1);
  CHECK(task->cancel());
  CHECK(is_cancelled(task));
  CHECK(stopped == std::vector<Task*>{task.get()});
  CHECK(task->cancel());
  CHECK(stopped.size() == 1);
  farm.scheduler.stop(*task);
  while (farm.on(1).front() != task->id) farm.finish(1, 1us);
  CHECK(farm.stops == (listens ? Ids{task->id} : Ids{}));
  REQUIRE(farm.scheduler.next_deadline() == farm.clock + (listens ? 1s : 0s));
  farm.advance(listens ? 1s : 0s);
  CHECK(farm.groups.at(1).ended);
  farm.run_all();
  farm.scheduler.stop(*task);  // too late
  CHECK(is_cancelled(task));
  CHECK(farm.scheduler.idle());
}

TEST_CASE("a running task that is not cancellable cannot be cancelled") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  auto const group = farm.come_up();
  CHECK_FALSE(task->cancel());
  farm.finish(group);
  CHECK(has_value(task));
}

TEST_CASE("after an error the other ranks are asked to stop") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const task = farm.submit(2);
  auto const group = farm.come_up();
  farm.fail(group, 1);
  CHECK(farm.stops == Ids{task->id});
}

TEST_CASE("a task that throws runs again as often as its retries allow, and its last error counts") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const task = make_intrusive<Task>(CodeAddress{}, "");
  task->ranks = 2;
  task->make_rare().retries = 2;
  farm.submit(task);
  auto const next = farm.submit(2);
  auto const group = farm.come_up();
  farm.fail(group, 0, "first");
  CHECK_FALSE(task->done());
  SECTION("all ranks answer") {
    farm.answer(group, 1);
    CHECK(farm.where(task) == group);
    farm.fail(group, 0, "second");
    farm.fail(group, 1, "second of rank 1");
    SECTION("it returns a value in the end") {
      farm.finish(group);
      CHECK(has_value(task));
    }
    SECTION("it throws to the end") {
      farm.fail(group, 0, "third");
      CHECK_THROWS_WITH(rethrow(task), contains("third"));
      farm.answer(group, 1);
    }
    CHECK(farm.attempts[task->id] == Attempts{1, 2, 3});
  }
  SECTION("a rank does not answer: its group is ended, and the task runs again on another") {
    farm.advance(1h);
    CHECK(farm.groups.at(group).ended);
    farm.run_all();
    CHECK(has_value(task));
    CHECK(farm.attempts[task->id] == Attempts{1, 2});
  }
  SECTION("it is cancelled before") {
    task->set_cancelled();
    farm.answer(group, 1);
    CHECK(farm.attempts[task->id] == Attempts{1});
  }
  SECTION("the scheduler is abandoned") {
    farm.scheduler.abandon(std::make_exception_ptr(farm::BrokenExecutor("abandoned")));
    CHECK_THROWS_AS(rethrow(task), farm::BrokenExecutor);
  }
  farm.run_all();
  CHECK(next->done());
  CHECK(farm.scheduler.idle());
  CHECK(farm.scheduler.statistics().tasks_done == 2);
}

TEST_CASE("a task that keeps its time limit has no deadline left") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const limited = make_intrusive<Task>(CodeAddress{}, "");
  limited->make_rare().timeout = 5s;
  farm.submit(limited);
  auto const group = farm.come_up();
  farm.advance(4s);
  farm.finish(group);
  CHECK_FALSE(farm.scheduler.next_deadline());
  farm.advance(1h);
  CHECK(has_value(limited));
  CHECK_FALSE(farm.groups.at(group).ended);
}
