// Which task runs where and when; groups that start and leave; shutdown.
#include "core/scheduler/scheduler.hpp"

#include <farm/error.hpp>

#include <algorithm>
#include <chrono>
#include <string>
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
  CHECK(farm.start_ranks() == std::deque{2, 2});
  auto const a = farm.come_up();
  auto const b = farm.come_up();
  CHECK(farm.on(a) == Ids{0});
  CHECK(farm.on(b) == Ids{1});
  farm.finish(a);
  CHECK(farm.on(a) == Ids{2});  // although b is still busy
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

TEST_CASE("a group that is worn out finishes its tasks, leaves and is replaced") {
  auto const ranks = GENERATE(1, 2);
  FakeGroups farm{{.max_ranks = ranks}};
  auto const tasks = farm.submit_many(40, ranks);
  auto const worn_out = farm.come_up();
  farm.finish(worn_out, 10us);
  auto const ahead = farm.on(worn_out).size();
  CHECK(ahead > 1);
  farm.answer(worn_out, ranks - 1, "value", 10us, answer_flags::worn_out);
  if (ranks > 1) farm.answer(worn_out, 0, "value", 10us);
  CHECK(farm.on(worn_out).size() == ahead - 1);
  while (!farm.on(worn_out).empty()) farm.finish(worn_out, 10us);
  CHECK(farm.groups.at(worn_out).leaving);
  farm.run_all();
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
  CHECK(farm.starts_asked == 2);
  CHECK(farm.scheduler.statistics().groups_lost == 0);
  for (auto const& [task, attempts] : farm.attempts) CHECK(attempts == Attempts{1});
}

TEST_CASE("the result is rank 0's, or those of all ranks if the task asks for them") {
  FakeGroups farm{{.max_ranks = 3}};
  auto const one = farm.submit(3);
  auto const all = make_intrusive<Task>(CodeAddress{}, "");
  all->ranks = 3;
  all->all_ranks = true;
  farm.submit(all);
  auto const group = farm.come_up();
  farm.answer(group, 2, "two");
  farm.answer(group, 0, "zero");
  CHECK_FALSE(one->done());
  CHECK(one->status() == FutureState::Status::running);
  farm.answer(group, 1, "one");
  REQUIRE(has_value(one));
  CHECK(std::get<farm::Bytes>(one->result()) == "zero");
  CHECK(farm.groups.at(group).tasks.front().header.want_value == WantValue::all_ranks);
  for (int const rank : {1, 2, 0}) farm.answer(group, rank, std::to_string(rank));
  REQUIRE(has_value(all));
  CHECK(std::get<std::vector<farm::Bytes>>(all->result()) == std::vector<farm::Bytes>{"0", "1", "2"});
}

TEST_CASE("a value may be taken by somebody else, who completes the future later, and the group goes on meanwhile") {
  bool const all_ranks = GENERATE(false, true);
  FakeGroups farm{{.max_ranks = 2}};
  auto const taken = make_intrusive<Task>(CodeAddress{}, "");
  taken->ranks = 2;
  taken->all_ranks = all_ranks;
  std::vector<FutureState::Result> values;
  taken->make_rare().takes_value = [&](TaskPtr const& task, FutureState::Result value) {
    CHECK(task == taken);
    values.push_back(std::move(value));
  };
  farm.submit(taken);
  auto const next = farm.submit(2);
  auto const group = farm.come_up();
  farm.answer(group, 0, "zero");
  farm.answer(group, 1, "one");
  REQUIRE(values.size() == 1);
  if (all_ranks) CHECK(std::get<std::vector<farm::Bytes>>(values[0]) == std::vector<farm::Bytes>{"zero", "one"});
  if (!all_ranks) CHECK(std::get<farm::Bytes>(values[0]) == "zero");
  CHECK(taken->status() == FutureState::Status::running);
  CHECK(farm.scheduler.statistics().tasks_done == 1);
  farm.finish(group);
  CHECK(has_value(next));
  CHECK(taken->set_bytes("later"));
}

TEST_CASE("the value of a task that fails, or is run again after its group was lost, is not taken before it is there") {
  FakeGroups farm{{.max_ranks = 1}};
  int taken = 0;
  auto const task = make_intrusive<Task>(CodeAddress{}, "");
  task->make_rare().takes_value = [&](TaskPtr const& done, FutureState::Result value) {
    ++taken;
    done->set_bytes(std::get<farm::Bytes>(std::move(value)));
  };
  farm.submit(task);
  auto const lost = farm.come_up();
  farm.lose(lost);
  farm.gone(lost);
  CHECK(taken == 0);
  farm.finish(farm.come_up());
  CHECK(taken == 1);
  CHECK(has_value(task));
}

TEST_CASE("tasks start first in, first out") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit_many(20);
  farm.run_all();
  CHECK(std::is_sorted(farm.order.begin(), farm.order.end()));
  CHECK(farm.order.size() == 20);
}

TEST_CASE("a task that had to wait for its arguments takes its place in the order of submission") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const make = [&farm](int priority = 0) {
    auto task = farm.number(make_intrusive<Task>(CodeAddress{11, 22}, ""));
    task->priority = priority;
    return task;
  };
  auto const first = make();
  auto const late = make();
  auto const later = make();
  auto const last = make();
  auto const urgent = make(1);
  farm.scheduler.submit(first);
  farm.scheduler.submit(last);
  farm.all_come_up();
  farm.scheduler.submit(later);
  farm.scheduler.submit(urgent);
  farm.scheduler.submit(late);
  farm.run_all();
  CHECK(farm.order == std::vector<std::uint64_t>{0, 4, 1, 2, 3});
}

TEST_CASE("many tasks that come out of order cost little more than others") {
  FakeGroups farm{{.max_ranks = 1}};
  constexpr std::size_t count = 300'000;
  std::vector<TaskPtr> in_time;
  std::vector<TaskPtr> late;
  for (std::size_t i = 0; i < count; ++i) {
    (i % 2 == 0 ? in_time : late).push_back(farm.number(make_intrusive<Task>(CodeAddress{11, 22}, "")));
  }
  farm.scheduler.submit(std::move(in_time));
  auto const start = Clock::now();
  farm.scheduler.submit(std::move(late));
  CHECK(Clock::now() - start < std::chrono::seconds{2});  // measured: below 0.4 s; inserted into one queue: 5 s
  farm.all_come_up();
  farm.run_all();
  CHECK(farm.order.size() == count);
  CHECK(std::is_sorted(farm.order.begin(), farm.order.end()));
}

TEST_CASE("tasks of higher priority start first; tasks of equal priority start in order of submission") {
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
  CHECK(farm.start_ranks() == std::deque{2});
  auto const first = farm.come_up();
  farm.finish(first);
  farm.submit(2);
  CHECK(farm.starts.empty());  // the idle one takes it
  farm.submit_many(10, 2);
  CHECK(farm.start_ranks() == std::deque{2, 2});
  CHECK(farm.ranks_taken() == 6);
}

TEST_CASE("boot starts as many groups as fit, which then wait for tasks") {
  FakeGroups farm{{.max_ranks = 7}};
  farm.scheduler.boot({.ranks = 3});
  CHECK(farm.start_ranks() == std::deque{3, 3});
  farm.all_come_up();
  farm.scheduler.boot({.ranks = 3});
  CHECK(farm.starts.empty());
  auto const task = farm.submit(3);
  CHECK(farm.where(task) != 0);
  CHECK(farm.starts.empty());
}

TEST_CASE("a task that asks for more than max_ranks ranks fails at once") {
  FakeGroups farm{{.max_ranks = 4}};
  for (int const ranks : {5, 0, -1}) CHECK_THROWS_AS(rethrow(farm.submit(ranks)), farm::UsageError);
  CHECK(farm.starts.empty());
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

TEST_CASE("answers of a lost group are ignored") {
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

TEST_CASE("a task that loses its group too often is given up, and its error describes each loss") {
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

TEST_CASE("a task that ends its process itself fails at once, and the task behind it runs again") {
  FakeGroups farm{{.max_ranks = 1, .max_losses = 3}};
  auto const task = farm.submit();
  auto const next = farm.submit();
  auto const group = farm.come_up();
  farm.lose(group, "rank 0 exited with status 3", 0);
  CHECK_THROWS_AS(rethrow(task), farm::GroupLost);
  CHECK_THROWS_WITH(rethrow(task), contains("task 0 has ended its process itself") && contains("exited with status 3"));
  farm.gone(group);
  farm.run_all();
  CHECK(has_value(next));
}

TEST_CASE("of several ranks, the task that the exited rank was running is the one that fails") {
  FakeGroups farm{{.max_ranks = 2, .max_losses = 3}};
  auto const tasks = farm.submit_many(100, 2);
  auto const group = farm.come_up();
  farm.finish(group, 10us);
  farm.answer(group, 1);  // to task 1, so that rank 1 runs task 2
  farm.lose(group, "rank 1 exited with status 3", 1);
  CHECK_FALSE(tasks[1]->done());
  CHECK_THROWS_WITH(rethrow(tasks[2]), contains("task 2 has ended its process itself"));
  farm.gone(group);
  farm.run_all();
  for (std::size_t i = 3; i < tasks.size(); ++i) CHECK(has_value(tasks[i]));
  CHECK(has_value(tasks[1]));
}

TEST_CASE("a task runs again after an exit if its own option says so, or the pool's and its own does not") {
  for (bool const of_pool : {false, true}) {
    FakeGroups farm{{.max_ranks = 1, .max_losses = 3, .rerun_after_exit = of_pool}};
    auto const task = farm.submit();
    if (!of_pool) task->make_rare().rerun_after_exit = true;
    auto const other = farm.submit();
    if (of_pool) other->make_rare().rerun_after_exit = false;
    auto group = farm.come_up();
    farm.lose(group, "exited", 0);
    farm.gone(group);
    CHECK_FALSE(task->done());
    group = farm.come_up();
    if (of_pool) {
      farm.run_all();
      CHECK(has_value(task));
    } else {
      farm.lose(group, "exited again", 0);
      CHECK_FALSE(task->done());
    }
  }
}

TEST_CASE("the error of a task that was given up has the name of the task") {
  FakeGroups farm{{.max_ranks = 1, .max_losses = 1}};
  auto const task = farm.submit();
  task->make_rare().name = "sim 37";
  farm.lose(farm.come_up());
  CHECK_THROWS_WITH(rethrow(task), contains("task 0 (sim 37) was given up"));
}

TEST_CASE("a group whose processes end without a report is lost") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  farm.gone(farm.come_up());
  CHECK(farm.scheduler.statistics().groups_lost == 1);
  CHECK(farm.starts.size() == 1);
  farm.run_all();
  CHECK(has_value(task));
  CHECK(farm.attempts.at(0) == Attempts{1, 2});
}

TEST_CASE("an idle group that is lost gets no task, and the others do") {
  FakeGroups farm{{.max_ranks = 3}};
  farm.scheduler.boot({.ranks = 1});
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
  for (int i = 0; i < 3; ++i) farm.finish(first, 10us);  // short tasks: some are sent ahead, but not too many
  CHECK(farm.groups.at(first).leaving);
  CHECK(farm.starts.empty());
  farm.gone(first);
  farm.run_all(10us);
  CHECK(std::all_of(tasks.begin(), tasks.end(), has_value));
  CHECK(farm.scheduler.statistics().groups_started == 3);
  CHECK(farm.scheduler.statistics().groups_lost == 0);
}

TEST_CASE("each task may get a fresh group") {
  FakeGroups farm{{.max_ranks = 4, .tasks_per_group = 1}};
  farm.submit_many(6, 2);
  farm.run_all(10us);
  CHECK(farm.scheduler.statistics().groups_started == 6);
  CHECK(farm.scheduler.statistics().groups == 0);
}

TEST_CASE("the progress that a task reports is available while it runs") {
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

TEST_CASE("after a failed start the next one waits, and longer after the second") {
  FakeGroups farm{{.max_ranks = 2, .start_pause = 100ms}};
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

TEST_CASE("shutdown lets queued tasks run, then releases the groups, and drained() is called once") {
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

TEST_CASE("shutdown may cancel queued tasks; running tasks end by themselves") {
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

TEST_CASE("shutdown with cancelling also cancels a task that waits for its next attempt") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  auto const group = farm.come_up();
  farm.lose(group);
  farm.scheduler.shutdown(true);
  CHECK(is_cancelled(task));
  farm.gone(group);
  CHECK(farm.times_drained == 1);
}

TEST_CASE("shutdown of an idle scheduler drains at once") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.scheduler.shutdown(false);
  CHECK(farm.times_drained == 1);
}

TEST_CASE("shutdown withdraws starts that are not needed, and waits for those that cannot be withdrawn") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.can_withdraw = GENERATE(true, false);
  farm.scheduler.boot({.ranks = 1});
  farm.scheduler.shutdown(false);
  CHECK(farm.times_drained == (farm.can_withdraw ? 1 : 0));
  farm.all_come_up();
  farm.all_gone();
  CHECK(farm.times_drained == 1);
}

TEST_CASE("shutdown drains even if tasks are cancelled after it") {
  FakeGroups farm{{.max_ranks = 1}};
  auto const task = farm.submit();
  farm.scheduler.shutdown(false);
  CHECK(task->cancel());
  farm.run_all();
  CHECK(farm.times_drained == 1);
}

TEST_CASE("a task that is submitted after shutdown fails") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.scheduler.shutdown(false);
  CHECK_THROWS_AS(rethrow(farm.submit()), farm::ShutdownError);
  farm.scheduler.boot({.ranks = 1});
  CHECK(farm.starts.empty());
}

TEST_CASE("after three failed starts no more are tried, and the waiting tasks fail with the reason") {
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
  auto const later = farm.submit(2);  // a new attempt to start a group
  farm.run_all();
  CHECK(has_value(later));
}

TEST_CASE("a task that cannot run again, since no group starts, fails with what happened to its group") {
  FakeGroups farm{{.max_ranks = 2}};
  auto const task = farm.submit(2);
  auto const other = farm.submit(2);
  auto const group = farm.come_up();
  farm.lose(group, "exited with status 3");
  farm.gone(group);
  for (int i = 0; i < 3; ++i) {
    farm.fail_start("no rank is left");
    farm.advance(1s);
  }
  CHECK_THROWS_AS(rethrow(task), farm::SpawnError);
  CHECK_THROWS_WITH(rethrow(task), contains("no rank is left") && contains("lost 1 time: exited with status 3"));
  CHECK_THROWS_WITH(rethrow(other), "no rank is left");
}

TEST_CASE("many concurrent starts that fail are given up too") {
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

TEST_CASE("a start that succeeds resets the count of failures") {
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

TEST_CASE("while a group works, failing starts do not fail the queue, and are not retried for ever") {
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

TEST_CASE("when the only working group has gone, starts are tried again") {
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
  CHECK_THROWS_AS(answered(FrameType::exited, 0, bytes), ProtocolError);
  CHECK_THROWS_AS(answered(FrameType::value, 0, "short"), ProtocolError);
  CHECK_THROWS_AS(answered(FrameType::error, 0, bytes + "no failure"), ProtocolError);
  CHECK_FALSE(task->done());
  farm.answer(group, 0);
  CHECK_THROWS_AS(answered(FrameType::value, 0, bytes), ProtocolError);  // a second time
  farm.answer(group, 1);
  CHECK(has_value(task));
  CHECK_THROWS_AS(answered(FrameType::value, 0, bytes), ProtocolError);
}

TEST_CASE("abandon fails all tasks, including later ones, and ends all groups") {
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

TEST_CASE("the busy times of all ranks are added up") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit_many(2, 2);
  farm.come_up();
  farm.finish(1, 3s);
  farm.finish(1, 4s);
  CHECK(farm.scheduler.statistics().busy == 14s);
}
