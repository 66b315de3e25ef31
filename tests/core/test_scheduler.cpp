#include "core/scheduler.hpp"

#include <farm/error.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/fake_groups.hpp"
#include "tests/support/catch.hpp"

using farm::CodeAddress;
using namespace farm::testing;
using namespace std::chrono_literals;
using Ids = std::vector<std::uint64_t>;
using Attempts = std::vector<std::uint32_t>;

TEST_CASE("5 tasks of 2 ranks on 4 ranks: a group that is free takes the next task at once") {
  FakeGroups farm{{.max_ranks = 4}};
  auto const tasks = farm.submit_many(5, 2);
  CHECK(farm.starts == std::deque{2, 2});
  auto const a = farm.come_up();
  auto const b = farm.come_up();
  CHECK(farm.on(a) == Ids{0});
  CHECK(farm.on(b) == Ids{1});
  farm.finish(a);
  CHECK(farm.on(a) == Ids{2});  // though b is still busy
  farm.finish(a);
  CHECK(farm.on(a) == Ids{3});
  farm.finish(b);
  CHECK(farm.on(b) == Ids{4});
  farm.finish(a);
  CHECK(farm.on(a).empty());
  farm.finish(b);
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
  CHECK(farm.starts_asked == 2);
  CHECK(farm.scheduler.idle());
  CHECK(farm.scheduler.statistics().tasks_done == 5);
  CHECK(farm.scheduler.statistics().peak_ranks == 4);
}

TEST_CASE("the result is that of rank 0, or those of all ranks where they are wanted") {
  FakeGroups farm{{.max_ranks = 3}};
  auto const one = farm.submit(3);
  auto const all = make_intrusive<Task>(CodeAddress{}, "");
  all->ranks = 3;
  all->all_ranks = true;
  farm.scheduler.submit(all);
  auto const group = farm.come_up();
  farm.answer(group, 2, "two");
  farm.answer(group, 0, "zero");
  CHECK_FALSE(one->done());
  CHECK(one->status() == FutureState::Status::running);
  farm.answer(group, 1, "one");
  REQUIRE(has_value(one));
  CHECK(std::get<farm::Bytes>(one->result()) == "zero");
  CHECK(farm.groups.at(group).tasks.front().header.want_value == 2);
  for (int const rank : {1, 2, 0}) farm.answer(group, rank, std::to_string(rank));
  REQUIRE(has_value(all));
  CHECK(std::get<std::vector<farm::Bytes>>(all->result()) == std::vector<farm::Bytes>{"0", "1", "2"});
}

TEST_CASE("tasks start first in first out") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit_many(20);
  farm.run_all();
  CHECK(std::is_sorted(farm.order.begin(), farm.order.end()));
  CHECK(farm.order.size() == 20);
}

TEST_CASE("tasks of higher priority start first, equals in order of submission") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.submit(1, 0);
  farm.submit(1, -1);
  farm.submit(1, 5);
  farm.submit(1, 0);
  farm.submit(1, 5);
  farm.run_all();
  CHECK(farm.order == Ids{2, 4, 0, 3, 1});
}

TEST_CASE("priority decides between tasks of different numbers of ranks too") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit(2, 0);
  auto const group = farm.come_up();
  farm.submit(1, 0);
  farm.submit(2, 1);
  farm.finish(group);
  CHECK(farm.order == Ids{0, 2});
}

TEST_CASE("groups are started as they are needed, and never more than fit") {
  FakeGroups farm{{.max_ranks = 7}};
  CHECK(farm.starts.empty());
  farm.submit(2);
  CHECK(farm.starts == std::deque{2});
  auto const first = farm.come_up();
  farm.finish(first);
  farm.submit(2);
  CHECK(farm.starts.empty());  // the idle one takes it
  farm.submit_many(10, 2);
  CHECK(farm.starts == std::deque{2, 2});
  CHECK(farm.ranks_taken() == 6);
}

TEST_CASE("boot starts as many groups as fit, which then wait for tasks") {
  FakeGroups farm{{.max_ranks = 7}};
  farm.scheduler.boot(3);
  CHECK(farm.starts == std::deque{3, 3});
  farm.all_come_up();
  farm.scheduler.boot(3);
  CHECK(farm.starts.empty());
  auto const task = farm.submit(3);
  CHECK(farm.where(task) != 0);
  CHECK(farm.starts.empty());
}

TEST_CASE("a task that asks for more ranks than there may be is refused at once") {
  FakeGroups farm{{.max_ranks = 4}};
  for (int const ranks : {5, 0, -1}) CHECK_THROWS_AS(rethrow(farm.submit(ranks)), farm::UsageError);
  CHECK(farm.starts.empty());
}

TEST_CASE("a rank's error fails the task at once; a group whose peers answer in time stays") {
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

TEST_CASE("a group whose peers do not answer in time is ended and replaced") {
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

namespace {

/// A group of 2 ranks to which tasks 1 to 32 were sent ahead, 0 having been answered.
GroupId with_tasks_ahead(FakeGroups& farm) {
  farm.submit_many(100, 2);
  auto const group = farm.come_up();
  farm.finish(group, 10us);
  REQUIRE(farm.on(group).size() == 32);
  REQUIRE(farm.on(group).front() == 1);
  return group;
}

}  // namespace

TEST_CASE("tasks that were sent ahead of a group that is ended go back to the head of the queue, in order") {
  FakeGroups farm{{.max_ranks = 2, .grace = 1s}};
  auto const group = with_tasks_ahead(farm);
  farm.fail(group, 1);
  farm.answer(group, 1);  // rank 1 goes on with task 2, and is in task 3
  farm.advance(1s);
  farm.gone(group);
  farm.order.clear();
  farm.run_all(10us);
  Ids expected;
  for (std::uint64_t id = 2; id < 100; ++id) expected.push_back(id);
  CHECK(farm.order == expected);
  // what a rank had begun is another attempt, what none had begun is not
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

TEST_CASE("an error in a task that was sent ahead gives the one before it no more time") {
  FakeGroups farm{{.max_ranks = 2, .grace = 1s}};
  farm.submit(2);
  auto const limited = make_intrusive<Task>(CodeAddress{}, "");
  limited->ranks = 2;
  limited->make_rare().timeout = 5s;
  farm.scheduler.submit(limited);
  farm.submit_many(10, 2);
  auto const group = farm.come_up();
  farm.finish(group, 10us);
  REQUIRE(farm.on(group).size() > 1);
  farm.advance(3s);
  farm.answer(group, 1);
  farm.fail(group, 1);
  CHECK(farm.scheduler.next_deadline() == farm.clock + 2s);
}

TEST_CASE("after an error a task's communicator is made anew, and only that") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const group = with_tasks_ahead(farm);
  auto const slot = farm.groups.at(group).tasks.front().header.comm_slot;
  farm.fail(group, 0);
  farm.finish(group, 10us);
  std::map<std::uint16_t, std::uint32_t> epochs;
  for (auto const& task : farm.groups.at(group).tasks) epochs[task.header.comm_slot] = task.header.comm_epoch;
  CHECK(epochs.size() == 32);  // all different
  for (auto const& [each, epoch] : epochs) CHECK(epoch == (each == slot ? 1 : 0));
}

TEST_CASE("a lost group's task runs again at the head of the queue, as its second attempt") {
  FakeGroups farm{{.max_ranks = 4}};
  auto const tasks = farm.submit_many(4, 2);
  auto const a = farm.come_up();
  auto const b = farm.come_up();
  farm.lose(a);
  CHECK(farm.groups.at(a).ended);
  CHECK_FALSE(tasks[0]->done());
  farm.finish(b);
  CHECK(farm.on(b) == Ids{0});  // before 2 and 3
  CHECK(farm.attempts.at(0) == Attempts{1, 2});
  farm.gone(a);
  farm.run_all();
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
  CHECK(farm.scheduler.statistics().groups_lost == 1);
  CHECK(farm.scheduler.statistics().groups_started == 3);
}

TEST_CASE("what a group that was lost still says is ignored") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  auto const group = farm.come_up();
  farm.lose(group);
  CHECK_NOTHROW(farm.answer(group, 0));
  CHECK_FALSE(task->done());
  farm.lose(group, "again");
  farm.gone(group);
  CHECK_NOTHROW(farm.scheduler.answered(group, 0, Frame{.type = FrameType::value, .id = 0, .payload = {}}, ""));
  farm.lose(group, "again");
  farm.scheduler.group_gone(group);
  CHECK(farm.scheduler.statistics().groups_lost == 1);
  farm.run_all();
  CHECK(has_value(task));
  CHECK(farm.attempts.at(0) == Attempts{1, 2});
}

TEST_CASE("a task that loses its group again and again is given up, with the story of each") {
  FakeGroups farm{{.max_ranks = 1, .max_losses = 3}};
  auto const task = farm.submit();
  auto const next = farm.submit();
  for (std::string const how : {"killed by signal 9", "exited with status 3", "called MPI_Abort"}) {
    CHECK_FALSE(task->done());
    auto const group = farm.come_up();
    CHECK(farm.where(task) == group);
    farm.lose(group, how);
    farm.gone(group);
  }
  CHECK_THROWS_AS(rethrow(task), farm::GroupLost);
  CHECK_THROWS_WITH(rethrow(task), contains("3 times") && contains("killed by signal 9") &&
                                       contains("exited with status 3") && contains("called MPI_Abort"));
  farm.run_all();
  CHECK(has_value(next));
}

TEST_CASE("a group whose processes end without a word is lost") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  farm.gone(farm.come_up());
  CHECK(farm.scheduler.statistics().groups_lost == 1);
  CHECK(farm.starts.size() == 1);
  farm.run_all();
  CHECK(has_value(task));
  CHECK(farm.attempts.at(0) == Attempts{1, 2});
}

TEST_CASE("tasks that were sent ahead and not begun are not blamed for a loss") {
  FakeGroups farm{{.max_ranks = 2, .max_losses = 1}};
  auto const tasks = farm.submit_many(100, 2);
  auto const group = farm.come_up();
  farm.finish(group, 10us);
  farm.answer(group, 1);  // task 1: so rank 1 may be in task 2
  REQUIRE(farm.on(group).size() == 32);
  farm.lose(group);
  CHECK_THROWS_AS(rethrow(tasks[1]), farm::GroupLost);
  CHECK_THROWS_AS(rethrow(tasks[2]), farm::GroupLost);
  farm.gone(group);
  farm.run_all();
  for (std::size_t i = 3; i < tasks.size(); ++i) CHECK(has_value(tasks[i]));
}

TEST_CASE("an idle group that is lost gets no task, and the others do") {
  FakeGroups farm{{.max_ranks = 3}};
  farm.scheduler.boot(1);
  farm.all_come_up();
  farm.lose(GENERATE(as<GroupId>{}, 1, 2, 3));
  auto const tasks = farm.submit_many(3);
  CHECK(std::count_if(tasks.begin(), tasks.end(), [&](TaskPtr const& task) { return farm.where(task) != 0; }) == 2);
  farm.run_all();
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
}

TEST_CASE("a group is replaced after its number of tasks") {
  FakeGroups farm{{.max_ranks = 2, .tasks_per_group = 3}};
  auto const tasks = farm.submit_many(7, 2);
  auto const first = farm.come_up();
  for (int i = 0; i < 3; ++i) farm.finish(first, 10us);  // short ones: some are sent ahead, but not too many
  CHECK(farm.groups.at(first).leaving);
  CHECK(farm.starts.empty());
  farm.gone(first);
  farm.run_all(10us);
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
  CHECK(farm.scheduler.statistics().groups_started == 3);
  CHECK(farm.scheduler.statistics().groups_lost == 0);
}

TEST_CASE("a fresh group for each task") {
  FakeGroups farm{{.max_ranks = 4, .tasks_per_group = 1}};
  farm.submit_many(6, 2);
  farm.run_all(10us);
  CHECK(farm.scheduler.statistics().groups_started == 6);
  CHECK(farm.scheduler.statistics().groups == 0);
}

TEST_CASE("a task that exceeds its time limit fails, and its group is ended") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const limited = make_intrusive<Task>(CodeAddress{}, "");
  limited->ranks = 2;
  limited->make_rare().timeout = 5s;
  auto const before = farm.submit(2);
  farm.scheduler.submit(limited);
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

TEST_CASE("a task that listens and exceeds its time limit is asked to stop, and its group stays where it does") {
  FakeGroups farm{{.max_ranks = 2, .grace = 1s}};
  auto const limited = make_intrusive<Task>(CodeAddress{}, "");
  limited->ranks = 2;
  limited->listens = true;
  limited->make_rare().timeout = 5s;
  farm.scheduler.submit(limited);
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

TEST_CASE("a running task can be cancelled where its submission says so: it is stopped as after a timeout") {
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
  farm.scheduler.submit(task);
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

TEST_CASE("a running task cannot be cancelled where its submission says nothing of it") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  auto const group = farm.come_up();
  CHECK_FALSE(task->cancel());
  farm.finish(group);
  CHECK(has_value(task));
}

TEST_CASE("the peers of a rank that threw are asked to stop") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const task = farm.submit(2);
  auto const group = farm.come_up();
  farm.fail(group, 1);
  CHECK(farm.stops == Ids{task->id});
}

TEST_CASE("a task that throws runs again as often as its submission asks for, and its last error counts") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const task = make_intrusive<Task>(CodeAddress{}, "");
  task->ranks = 2;
  task->make_rare().retries = 2;
  farm.scheduler.submit(task);
  auto const next = farm.submit(2);
  auto const group = farm.come_up();
  farm.fail(group, 0, "first");
  CHECK_FALSE(task->done());
  SECTION("all ranks answer") {
    farm.answer(group, 1);
    CHECK(farm.where(task) == group);
    farm.fail(group, 0, "second");
    farm.fail(group, 1, "second of rank 1");
    SECTION("it has a value at last") {
      farm.finish(group);
      CHECK(has_value(task));
    }
    SECTION("it has not") {
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
  SECTION("all is abandoned") {
    farm.scheduler.abandon(std::make_exception_ptr(farm::BrokenExecutor("abandoned")));
    CHECK_THROWS_AS(rethrow(task), farm::BrokenExecutor);
  }
  farm.run_all();
  CHECK(next->done());
  CHECK(farm.scheduler.idle());
  CHECK(farm.scheduler.statistics().tasks_done == 2);
}

TEST_CASE("what a task tells of its progress is there while it runs") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  auto const group = farm.come_up();
  CHECK(task->progress() == 0);
  farm.scheduler.progress(group, task->id, 0.25);
  CHECK(task->progress() == 0.25);
  farm.scheduler.progress(group, task->id + 1, 0.75);
  farm.scheduler.progress(group + 1, task->id, 0.75);
  CHECK(task->progress() == 0.25);
  farm.scheduler.progress(group, task->id, 7);
  CHECK(task->progress() == 1);
}

TEST_CASE("after a start that failed the next one waits, longer after the second") {
  FakeGroups farm{{.max_ranks = 2, .birth_pause = 100ms}};
  auto const task = farm.submit();
  farm.fail_start();
  CHECK(farm.starts.empty());
  CHECK(farm.scheduler.next_deadline() == farm.clock + 100ms);
  auto const other = farm.submit();
  CHECK(farm.starts.empty());
  farm.advance(99ms);
  CHECK(farm.starts.empty());
  farm.advance(1ms);
  CHECK(farm.starts.size() == 2);
  farm.come_up();
  farm.fail_start();
  farm.run_all();
  CHECK(has_value(task));
  CHECK(has_value(other));
}

TEST_CASE("a task that keeps its time limit has no deadline left") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const limited = make_intrusive<Task>(CodeAddress{}, "");
  limited->make_rare().timeout = 5s;
  farm.scheduler.submit(limited);
  auto const group = farm.come_up();
  farm.advance(4s);
  farm.finish(group);
  CHECK_FALSE(farm.scheduler.next_deadline());
  farm.advance(1h);
  CHECK(has_value(limited));
  CHECK_FALSE(farm.groups.at(group).ended);
}

TEST_CASE("cancelled tasks are skipped") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const tasks = farm.submit_many(5);
  auto const group = farm.come_up();
  CHECK(tasks[1]->cancel());
  CHECK(tasks[2]->cancel());
  CHECK(tasks[4]->cancel());
  CHECK_FALSE(tasks[0]->cancel());  // it runs
  farm.finish(group);
  CHECK(farm.on(group) == Ids{3});
  farm.finish(group);
  CHECK(farm.scheduler.idle());
  CHECK(has_value(tasks[0]));
  CHECK(has_value(tasks[3]));
  CHECK(farm.scheduler.statistics().tasks_done == 5);
}

TEST_CASE("no group is started, and none leaves, for a cancelled task") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit(2);
  auto const group = farm.come_up();
  CHECK(farm.submit(1)->cancel());
  farm.finish(group);
  farm.run_all();
  CHECK(farm.starts_asked == 1);
  CHECK(farm.groups.contains(group));
}

TEST_CASE("a task that cannot be sent fails alone") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const first = farm.submit(2);
  auto const large = farm.submit(2, 0, "too large");
  auto const next = farm.submit(2);
  farm.run_all();
  CHECK_THROWS_AS(rethrow(large), farm::SerializationError);
  CHECK(has_value(first));
  CHECK(has_value(next));
  auto const again = farm.submit(2, 0, "too large");  // to an idle group
  CHECK(again->done());
  CHECK(farm.scheduler.idle());
  farm.submit(2);
  farm.run_all();
  CHECK(farm.starts_asked == 1);
}

TEST_CASE("shutdown lets queued tasks run, then the groups leave, and it is told once") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const tasks = farm.submit_many(5);
  farm.all_come_up();
  farm.scheduler.shutdown(false);
  farm.scheduler.shutdown(false);
  CHECK(farm.times_drained == 0);
  farm.run_all();
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
  CHECK(farm.times_drained == 1);
  CHECK(farm.starts_asked == 2);
  farm.scheduler.shutdown(true);
  CHECK(farm.times_drained == 1);
}

TEST_CASE("shutdown may cancel what is queued; what runs ends by itself") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const tasks = farm.submit_many(5);
  farm.all_come_up();
  farm.scheduler.shutdown(true);
  CHECK(is_cancelled(tasks[2]));
  CHECK(is_cancelled(tasks[4]));
  CHECK_FALSE(tasks[0]->done());
  farm.run_all();
  CHECK(has_value(tasks[0]));
  CHECK(has_value(tasks[1]));
  CHECK(farm.times_drained == 1);
}

TEST_CASE("shutdown with cancelling also takes a task that waits for its next attempt") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  auto const group = farm.come_up();
  farm.lose(group);
  farm.scheduler.shutdown(true);
  CHECK(is_cancelled(task));
  farm.gone(group);
  CHECK(farm.times_drained == 1);
}

TEST_CASE("shutdown without anything to do is told at once") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.scheduler.shutdown(false);
  CHECK(farm.times_drained == 1);
}

TEST_CASE("shutdown takes back starts that are not needed, and waits for those that cannot be taken back") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.can_withdraw = GENERATE(true, false);
  farm.scheduler.boot(1);
  farm.scheduler.shutdown(false);
  CHECK(farm.times_drained == (farm.can_withdraw ? 1 : 0));
  farm.all_come_up();
  farm.all_gone();
  CHECK(farm.times_drained == 1);
}

TEST_CASE("shutdown ends though tasks are cancelled after it") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  farm.scheduler.shutdown(false);
  CHECK(task->cancel());
  farm.run_all();
  CHECK(farm.times_drained == 1);
}

TEST_CASE("submission after shutdown is refused") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.scheduler.shutdown(false);
  CHECK_THROWS_AS(rethrow(farm.submit()), farm::ShutdownError);
  farm.scheduler.boot(1);
  CHECK(farm.starts.empty());
}

TEST_CASE("starts that fail are given up after three, and the waiting tasks are told why") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const tasks = farm.submit_many(3, 2);
  farm.fail_start();
  farm.advance(1s);
  farm.fail_start();
  farm.advance(1s);
  CHECK_FALSE(tasks[0]->done());
  farm.fail_start("all nodes down");
  for (auto const& task : tasks) {
    CHECK_THROWS_AS(rethrow(task), farm::SpawnError);
    CHECK_THROWS_WITH(rethrow(task), contains("all nodes down"));
  }
  CHECK(farm.starts.empty());
  auto const later = farm.submit(2);  // is tried anew
  farm.run_all();
  CHECK(has_value(later));
}

TEST_CASE("many starts at once that fail are given up too") {
  FakeGroups farm{{.max_ranks = 16}};
  auto const tasks = farm.submit_many(100);
  CHECK(farm.starts.size() == 16);
  for (int failures = 0; !farm.starts.empty(); ++failures) {
    REQUIRE(failures < 20);
    farm.fail_start();
  }
  for (auto const& task : tasks) CHECK_THROWS_AS(rethrow(task), farm::SpawnError);
  farm.scheduler.shutdown(false);
  CHECK(farm.times_drained == 1);
}

TEST_CASE("a start that succeeds after failures counts anew") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  farm.fail_start();
  farm.advance(1s);
  farm.fail_start();
  farm.advance(1s);
  farm.gone(farm.come_up());
  farm.fail_start();
  farm.advance(1s);
  farm.fail_start();
  farm.advance(1s);
  CHECK_FALSE(task->done());
  farm.run_all();
  CHECK(has_value(task));
}

TEST_CASE("a working group keeps the queue alive, and failing starts are not tried for ever") {
  FakeGroups farm{{.max_ranks = 4}};
  auto const tasks = farm.submit_many(20);
  auto const group = farm.come_up();
  for (int failures = 0; !farm.starts.empty(); ++failures) {
    REQUIRE(failures < 10);
    farm.fail_start();
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    CHECK(farm.starts.empty());
    farm.finish(group);
  }
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
}

TEST_CASE("when the only working group goes, starts are tried again") {
  FakeGroups farm{{.max_ranks = 2, .tasks_per_group = 1}};
  auto const tasks = farm.submit_many(3);
  auto const group = farm.come_up();
  while (!farm.starts.empty()) farm.fail_start();
  farm.finish(group);
  CHECK(farm.groups.at(group).leaving);
  CHECK(farm.starts.empty());
  farm.gone(group);
  CHECK_FALSE(farm.starts.empty());
  farm.run_all();
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
}

TEST_CASE("small tasks fill the gaps beside a large one") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.submit(3);
  farm.submit(3);
  auto const small = farm.submit(1);
  farm.all_come_up();
  CHECK(farm.where(small) != 0);
  farm.run_all();
  CHECK(farm.scheduler.idle());
}

TEST_CASE("idle groups of another size leave to make room") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.submit_many(4, 1);
  farm.all_come_up();
  for (auto const id : farm.ids()) farm.finish(id);
  auto const large = farm.submit(3);
  CHECK(std::count_if(farm.groups.begin(), farm.groups.end(), [](auto const& each) { return each.second.leaving; }) ==
        3);
  CHECK(farm.starts.empty());
  farm.all_gone();
  farm.all_come_up();
  CHECK(farm.where(large) != 0);
  CHECK(farm.groups.size() == 2);  // one small group was not in the way
}

TEST_CASE("idle groups of another size leave where they keep groups from being started") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.submit(1);
  farm.run_all();
  auto const tasks = farm.submit_many(2, 2);
  farm.all_come_up();
  CHECK(farm.where(tasks[1]) == 0);  // 3 of 4 ranks are taken, one by an idle group
  farm.all_gone();
  farm.all_come_up();
  CHECK(farm.where(tasks[1]) != 0);
}

TEST_CASE("starts of another size that are not needed any more are taken back") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.scheduler.boot(1);
  CHECK(farm.starts.size() == 4);
  farm.submit(4);
  CHECK(farm.starts == std::deque{4});
}

namespace {

/// Everything goes well until a group of so many ranks is to be started: how many tasks were sent till then.
std::size_t sent_until_start(FakeGroups& farm, int ranks, std::chrono::nanoseconds run) {
  farm.order.clear();
  for (;;) {
    for (auto const id : farm.ids()) {
      farm.all_gone();
      if (std::find(farm.starts.begin(), farm.starts.end(), ranks) != farm.starts.end()) return farm.order.size();
      farm.all_come_up();
      if (farm.groups.contains(id) && !farm.on(id).empty()) farm.finish(id, run);
    }
    REQUIRE(farm.order.size() < 500);
  }
}

}  // namespace

TEST_CASE("a large task is overtaken by at most 64 smaller ones") {
  auto const run = GENERATE(as<std::chrono::nanoseconds>{}, 1s, 10us);  // short ones are sent ahead
  FakeGroups farm{{.max_ranks = 4}};
  farm.submit_many(8, 1);
  farm.all_come_up();
  auto const large = farm.submit(3);
  farm.submit_many(1000, 1);
  auto const sent = sent_until_start(farm, 3, run);
  CHECK(sent > 4 + 10);  // gaps were filled
  CHECK(sent <= 4 + 64);
  for (auto const id : farm.ids()) {  // the gap beside it is filled again
    if (!farm.on(id).empty()) farm.finish(id, run);
    CHECK_FALSE(farm.on(id).empty());
  }
  farm.all_come_up();
  CHECK(farm.where(large) != 0);
  farm.run_all(run);
  CHECK(farm.scheduler.idle());
}

TEST_CASE("an urgent large task is not overtaken for ever by tasks that were there before") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit_many(1000, 1);
  farm.all_come_up();
  auto const large = farm.submit(2, 1);
  CHECK(sent_until_start(farm, 2, 10us) <= 64);
  farm.all_come_up();
  CHECK(farm.where(large) != 0);
}

TEST_CASE("each large task is overtaken by at most 64 smaller ones, not only the first") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit_many(1000, 1);
  farm.all_come_up();
  for (int i = 0; i < 5; ++i) {
    auto const large = farm.submit(2, 1);
    auto const sent = sent_until_start(farm, 2, 1s);
    CHECK(sent > 10);
    CHECK(sent <= 64);
    farm.all_come_up();
    auto const group = farm.where(large);
    REQUIRE(group != 0);
    farm.finish(group);
    farm.all_gone();
    farm.all_come_up();
  }
}

TEST_CASE("two large tasks wait their turns") {
  auto const [first, second] = GENERATE(std::pair{3, 4}, std::pair{4, 3});
  CAPTURE(first, second);
  FakeGroups farm{{.max_ranks = 4}};
  farm.can_withdraw = GENERATE(true, false);
  farm.submit_many(100, 1);
  farm.all_come_up();
  auto const a = farm.submit(first);
  auto const b = farm.submit(second);
  farm.submit_many(500, 1);
  farm.run_all();
  auto const place = [&](std::uint64_t id) {
    return std::find(farm.order.begin(), farm.order.end(), id) - farm.order.begin();
  };
  CHECK(place(a->id) <= 100 + 64 + 10);
  CHECK(place(a->id) < place(b->id));
  CHECK(place(b->id) <= 100 + 1 + 64 + 64 + 10);
}

TEST_CASE("idle groups that are many do not overtake without bound") {
  FakeGroups farm{{.max_ranks = 200}};
  farm.submit_many(200, 1);
  farm.all_come_up();
  auto const first = farm.submit(100, 1);
  farm.submit_many(1000, 1);
  for (GroupId id = 1; id <= 64; ++id) farm.finish(id);
  for (auto const id : farm.ids()) farm.finish(id);  // room is kept for the first: 100 leave, 100 stay idle
  auto const idle = [&] {
    return std::count_if(farm.groups.begin(), farm.groups.end(),
                         [](auto const& each) { return each.second.tasks.empty() && !each.second.leaving; });
  };
  REQUIRE(idle() == 100);
  REQUIRE(first->cancel());
  farm.order.clear();
  auto const second = farm.submit(150, 1);
  CHECK(farm.order.size() == 64);
  CHECK(idle() == 0);  // the others leave
  farm.run_all();
  CHECK(has_value(second));
}

TEST_CASE("room that was kept for a task is given back when the task is cancelled") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit_many(2, 1);
  farm.all_come_up();
  auto const large = farm.submit(2);
  farm.submit_many(200, 1);
  auto const ids = farm.ids();
  while (!farm.on(ids[0]).empty()) farm.finish(ids[0]);  // until it has to wait for the other
  CHECK(farm.on(ids[1]) == Ids{1});
  CHECK(large->cancel());
  farm.run_all();
  CHECK(farm.scheduler.idle());
  CHECK(farm.order.size() == 202);
}

TEST_CASE("idle groups are released when another scheduler needs their ranks") {
  FakeGroups farm{{.max_ranks = 3}};
  farm.submit_many(3);
  farm.all_come_up();
  farm.finish(1);
  farm.finish(2);
  farm.scheduler.release_idle();
  CHECK(farm.groups.at(1).leaving);
  CHECK(farm.groups.at(2).leaving);
  CHECK_FALSE(farm.groups.at(3).leaving);
  farm.finish(3);
  CHECK_FALSE(farm.groups.at(3).leaving);
}

TEST_CASE("while others wait, groups that fall idle leave at once") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.scheduler.set_others_wait(true);
  farm.submit_many(2);
  auto const group = farm.come_up();
  farm.finish(group);
  CHECK_FALSE(farm.groups.at(group).leaving);  // there is more for it
  farm.finish(group);
  CHECK(farm.groups.at(group).leaving);
  farm.all_gone();
  farm.scheduler.set_others_wait(false);
  farm.submit();
  farm.run_all();
  CHECK(farm.groups.size() == 1);
}

TEST_CASE("an answer to a task that was not sent is refused, and changes nothing") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const task = farm.submit(2);
  auto const group = farm.come_up();
  AnswerHeader const header;
  auto const bytes = std::string{reinterpret_cast<char const*>(&header), sizeof header};
  auto const answered = [&](FrameType type, std::uint64_t id, std::string const& payload) {
    farm.scheduler.answered(group, 0, Frame{.type = type, .id = id, .payload = payload}, "host");
  };
  CHECK_THROWS_AS(answered(FrameType::value, 1, bytes), ProtocolError);
  CHECK_THROWS_AS(answered(FrameType::alive, 0, bytes), ProtocolError);
  CHECK_THROWS_AS(answered(FrameType::value, 0, "short"), ProtocolError);
  CHECK_THROWS_AS(answered(FrameType::error, 0, bytes + "no failure"), ProtocolError);
  CHECK_FALSE(task->done());
  farm.answer(group, 0);
  CHECK_THROWS_AS(answered(FrameType::value, 0, bytes), ProtocolError);  // a second time
  farm.answer(group, 1);
  CHECK(has_value(task));
  CHECK_THROWS_AS(answered(FrameType::value, 0, bytes), ProtocolError);
}

TEST_CASE("abandoning fails all tasks, also later ones, and ends all groups") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.can_withdraw = GENERATE(true, false);
  auto const tasks = farm.submit_many(10, 2);
  auto const group = farm.come_up();
  auto const error = std::make_exception_ptr(farm::BrokenExecutor("the initializer failed"));
  farm.scheduler.abandon(error);
  for (auto const& task : tasks) CHECK_THROWS_AS(rethrow(task), farm::BrokenExecutor);
  CHECK(farm.groups.at(group).ended);
  CHECK(farm.scheduler.idle());
  CHECK_THROWS_AS(rethrow(farm.submit(2)), farm::BrokenExecutor);
  farm.all_come_up();
  farm.all_gone();
  CHECK(farm.groups.empty());
  CHECK(farm.times_drained == 0);
  farm.scheduler.shutdown(false);
  CHECK(farm.times_drained == 1);
  CHECK(farm.scheduler.statistics().tasks_done == 10);
}

TEST_CASE("nothing is sent ahead as long as nothing is known of the tasks, or where they take long") {
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

TEST_CASE("short tasks are sent ahead, the more the shorter they are") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.submit_many(1000);
  auto const group = farm.come_up();
  farm.finish(group, 100us);
  CHECK(farm.on(group).size() == 4);
  for (int i = 0; i < 20; ++i) farm.finish(group, 1us);
  CHECK(farm.on(group).size() == 64);
  for (int i = 0; i < 100; ++i) farm.finish(group, 1s);
  CHECK(farm.on(group).size() == 1);
}

TEST_CASE("towards the end of the queue the groups share what is left") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.submit_many(100);
  farm.all_come_up();
  for (int round = 0; round < 40; ++round) {
    for (auto const id : farm.ids()) {
      if (!farm.on(id).empty()) farm.finish(id, 1us);
      std::size_t const queued = 100 - farm.order.size();
      CAPTURE(round, id, queued, farm.on(id).size());
      // what this group was sent last leaves at least as much for each of the others
      if (!farm.on(id).empty() && farm.on(id).back() == farm.order.back()) {
        CHECK(farm.on(id).size() <= 1 + (queued + 1) / 8 + 1);
      }
    }
  }
  CHECK(farm.scheduler.idle());
}

TEST_CASE("the busy time of all ranks is added up") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit_many(2, 2);
  farm.come_up();
  farm.finish(1, 3s);
  farm.finish(1, 4s);
  CHECK(farm.scheduler.statistics().busy == 14s);
}
