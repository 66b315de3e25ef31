#include "spawn/service/store/store.hpp"

#include "tests/service/store_support.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

using namespace farm::detail;
using namespace store_test;

namespace {

std::vector<std::string> inputs_of(std::vector<TaskSpec> const& tasks) {
  std::vector<std::string> inputs;
  for (auto const& task : tasks) inputs.push_back(task.input);
  return inputs;
}

LoadedJob load_one(Store& store) {
  auto jobs = store.load();
  REQUIRE(jobs.size() == 1);
  return std::move(jobs.front());
}

TaskEnd odd_end(std::uint64_t job) {
  TaskEnd end = end_of(job, 1, TaskState::failed, "{\"text\": \"a \\n ] \\\" \xc3\xa4\",\n \"rank\": 1}");
  end.peak_memory = 123456789;
  end.losses = {"lost ] \"rank\" 1", "", "again\n"};
  end.hosts = "nodeA,nodeB";
  return end;
}

}  // namespace

TEST_CASE("A new store is empty, and numbers jobs from 1") {
  Scratch const scratch;
  Store store{scratch.path()};
  CHECK(store.damage().empty());
  CHECK(store.load().empty());
  CHECK(store.load_groups().empty());
  CHECK(store.next_job() == 1);
  CHECK(store.next_job() == 2);
  CHECK(store.health().problem.empty());
  CHECK(store.health().unwritten == 0);
}

TEST_CASE("A job is there when the store is opened again, as it was added") {
  Scratch const scratch;
  StoredJob job;
  {
    Store store{scratch.path()};
    job = job_of(store);
    job.spec.name = "sweep";
    job.held = true;
    job.priority = -7;
    add_job(store, job, tasks_of(3));
  }
  Store store{scratch.path()};
  auto const loaded = load_one(store);
  CHECK(loaded.job.number == 1);
  CHECK(loaded.job.spec == job.spec);
  CHECK(loaded.job.tasks == 3);
  CHECK(loaded.job.submitted == job.submitted);
  CHECK(loaded.job.held);
  CHECK(loaded.job.priority == -7);
  CHECK(loaded.states == std::vector<TaskState>(3, TaskState::waiting));
  CHECK(loaded.attempts.empty());
  CHECK(loaded.tasks.empty());
  CHECK(loaded.last_ended == 0);
  CHECK(store.next_job() == 2);
}

TEST_CASE("The inputs of any range of tasks are read back") {
  Scratch const scratch;
  Store store{scratch.path()};
  auto tasks = tasks_of(1000);
  tasks[300].input = "[1, \"a,\\nb\", {\"x\": \"]\"}]";
  tasks[301].input = std::string(100000, '7');  // a row that is full at once
  tasks[302].input = "{\"two\":\n\"lines\"}";
  tasks[303].input = "";
  auto const job = add_job(store, tasks);
  tasks[302].input = "{\"two\": \"lines\"}";
  tasks[303].input = "null";
  for (auto const& [first, count] :
       {std::pair{0, 1000}, {0, 1}, {255, 2}, {256, 1}, {299, 5}, {301, 1}, {302, 1}, {999, 1}}) {
    auto const begin = tasks.begin() + first;
    CHECK(inputs_of(store.tasks(job, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(count))) ==
          inputs_of({begin, begin + count}));
  }
  CHECK(store.tasks(job, 990, ~std::uint64_t{0}).size() == 10);
  CHECK(store.tasks(job, 1000, 5).empty());
  CHECK(store.tasks(job, ~std::uint64_t{0}, ~std::uint64_t{0}).empty());
  CHECK(store.tasks(job, 5, 0).empty());
}

TEST_CASE("A job without tasks is a job") {
  Scratch const scratch;
  Store store{scratch.path()};
  auto const job = add_job(store, {});
  CHECK(store.tasks(job, 0, 10).empty());
  CHECK(store.ends(job, 0, 10).empty());
  CHECK(load_one(store).states.empty());
}

TEST_CASE("Tasks of a job file keep their kinds, needs and names") {
  Scratch const scratch;
  std::vector<TaskSpec> const tasks{{.input = "1"},
                                    {.input = "[2,\"]\"]", .kind = 1, .needs = {0}, .name = "a \"b\" \\ \xc3\xa4"},
                                    {.input = "\"x\"", .kind = 4294967295, .needs = {0, 1}, .name = ""}};
  Store store{scratch.path()};
  add_job(store, tasks);
  CHECK(store.tasks(1, 0, 3) == tasks);
  CHECK(store.tasks(1, 1, 1).front() == tasks[1]);
  auto loaded = load_one(store).tasks;
  REQUIRE(loaded.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(loaded[i].input.empty());
    loaded[i].input = tasks[i].input;
    CHECK(loaded[i] == tasks[i]);
  }
}

TEST_CASE("Ends are read back as they were added, also after the store was opened again") {
  Scratch const scratch;
  std::vector<TaskEnd> expected;
  {
    Store store{scratch.path()};
    auto const job = add_job(store, tasks_of(5));
    TaskEnd cancelled{.job = job, .task = 2, .state = TaskState::cancelled, .ended = 1700000002};
    auto group = end_of(job, 4);
    group.group = 18446744073709551615U;
    group.attempts = 4294967295;
    expected = {end_of(job, 0), odd_end(job), cancelled, group};
    add_ends(store, {expected[1], expected[0]});
    add_ends(store, {expected[2], expected[3]});
    std::replace(expected[1].value.begin(), expected[1].value.end(), '\n', ' ');
    CHECK(store.ends(job, 0, 5) == expected);
  }
  Store store{scratch.path()};
  CHECK(store.ends(1, 0, 5) == expected);
  CHECK(store.ends(1, 1, 2) == std::vector<TaskEnd>{expected[1], expected[2]});
  CHECK(store.ends(1, 3, 1).empty());
  CHECK(store.history(1, 1) == std::vector<TaskEnd>{expected[1]});
  auto const loaded = load_one(store);
  CHECK(loaded.states == std::vector<TaskState>{TaskState::finished, TaskState::failed, TaskState::cancelled,
                                                TaskState::waiting, TaskState::finished});
  CHECK(loaded.attempts ==
        std::vector<std::pair<std::uint64_t, std::uint32_t>>{{0, 1}, {1, 1}, {2, 0}, {4, 4294967295}});
  CHECK(loaded.last_ended == 1700000002);
}

TEST_CASE("Times that no clock shows are unknown times") {
  Scratch const scratch;
  Store store{scratch.path()};
  add_job(store, tasks_of(2));
  auto end = end_of(1, 0);
  end.started = -1e300;
  end.ended = std::numeric_limits<double>::quiet_NaN();
  end.seconds = std::numeric_limits<double>::infinity();
  auto back = end_of(1, 1);
  back.started = back.ended + 3600;  // the clock was set back
  add_ends(store, {end, back});
  auto const ends = store.ends(1, 0, 2);
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].started == 0);
  CHECK(ends[0].ended == 0);
  CHECK(ends[0].seconds == 0);
  CHECK(ends[1] == back);
}

TEST_CASE("The latest end of a task counts, and its history has them all") {
  Scratch const scratch;
  {
    Store store{scratch.path()};
    auto const job = add_job(store, tasks_of(3));
    auto retried = end_of(job, 1, TaskState::waiting, "");
    auto second = end_of(job, 1, TaskState::finished, "42");
    second.attempts = 2;
    second.started += 100;
    second.ended += 100;
    add_ends(store, {end_of(job, 0), end_of(job, 1, TaskState::failed, "{}")});
    add_ends(store, {retried});
    CHECK(store.ends(job, 0, 3) == std::vector<TaskEnd>{end_of(job, 0)});
    CHECK(load_one(store).states[1] == TaskState::waiting);
    CHECK(load_one(store).attempts[1] == std::pair{std::uint64_t{1}, std::uint32_t{1}});
    add_ends(store, {second});
  }
  Store store{scratch.path()};
  auto const history = store.history(1, 1);
  REQUIRE(history.size() == 3);
  CHECK(history[0].state == TaskState::failed);
  CHECK(history[1].state == TaskState::waiting);
  CHECK(history[2].value == "42");
  CHECK(store.ends(1, 1, 1).front().attempts == 2);
  CHECK(load_one(store).states[1] == TaskState::finished);
}

TEST_CASE("Ends in any order are found, before and after they are merged") {
  Scratch const scratch;
  constexpr std::size_t tasks = 3000;
  Store store{scratch.path()};
  auto const job = add_job(store, tasks_of(tasks));
  std::vector<std::uint64_t> order;
  for (std::uint64_t i = 0; i < tasks; ++i) order.push_back(i);
  std::shuffle(order.begin(), order.end(), std::mt19937{7});
  for (std::size_t i = 0; i < tasks; ++i) {
    std::vector<TaskEnd> some{end_of(job, order[i], TaskState::failed, "{}"), end_of(job, order[i], TaskState::waiting),
                              end_of(job, order[i], TaskState::finished, std::to_string(i))};
    for (std::uint32_t k = 0; k < 3; ++k) some[k].attempts = k;
    if (i % 3 == 0) {  // some alone, so that there are many commits
      add_ends(store, {some[0]});
      store.add_ends({some[1]}, {});
      store.add_ends({some[2]}, {});
    } else {
      store.add_ends(some, {});
    }
  }
  REQUIRE(store.flush(60));
  auto const check = [&](Store const& opened) {
    auto const all = opened.ends(job, 0, tasks);
    REQUIRE(all.size() == tasks);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < tasks; ++i) {
      auto const& end = all[order[i]];
      if (end.task != order[i] || end.value != std::to_string(i)) ++wrong;
    }
    CHECK(wrong == 0);
    for (std::uint64_t const task : {0U, 1U, 1500U, 2999U}) {
      auto const history = opened.history(job, task);
      REQUIRE(history.size() == 3);
      for (std::uint32_t k = 0; k < 3; ++k) CHECK(history[k].attempts == k);
      CHECK(opened.ends(job, task, 1).front().task == task);
    }
  };
  check(store);
  auto const states = load_one(store).states;
  CHECK(std::count(states.begin(), states.end(), TaskState::finished) == static_cast<std::ptrdiff_t>(tasks));
}

TEST_CASE("Changes of a job are there when the store is opened again") {
  Scratch const scratch;
  {
    Store store{scratch.path()};
    add_job(store, tasks_of(1));
    CHECK(change(store, {.job = 1, .held = true}).empty());
    CHECK(change(store, {.job = 1, .priority = 9}).empty());
    CHECK(change(store, {.job = 2, .priority = 9}) == "there is no job 2");
  }
  Store store{scratch.path()};
  CHECK(load_one(store).job.held);
  CHECK(load_one(store).job.priority == 9);
  CHECK(change(store, {.job = 1, .held = false}).empty());
  CHECK_FALSE(load_one(store).job.held);
  CHECK(load_one(store).job.priority == 9);
}

TEST_CASE("A forgotten job has gone with its tasks and ends, and its number is not used again") {
  Scratch const scratch;
  {
    Store store{scratch.path()};
    add_job(store, tasks_of(1000));
    add_job(store, tasks_of(2));
    add_ends(store, {end_of(1, 0), end_of(2, 0), end_of(1, 999)});
    CHECK(change(store, {.job = 2, .forgotten = true}).empty());
    CHECK(change(store, {.job = 2, .held = true}) == "there is no job 2");
    add_ends(store, {end_of(2, 1)});  // too late
    CHECK_THROWS_AS(store.tasks(2, 0, 1), StoreError);
    CHECK_THROWS_AS(store.ends(2, 0, 1), StoreError);
    CHECK_THROWS_AS(store.history(2, 0), StoreError);
  }
  Store store{scratch.path()};
  CHECK(store.damage().empty());
  CHECK(load_one(store).job.number == 1);
  CHECK(store.ends(1, 0, 1000).size() == 2);
  CHECK(store.next_job() == 3);
}

TEST_CASE("A job is refused if its number is taken, or if it cannot be kept") {
  Scratch const scratch;
  Store store{scratch.path()};
  add_job(store, tasks_of(1));
  auto const error_of = [&](StoredJob job) {
    std::string text;
    store.add_job(std::move(job), tasks_of(2), [&](std::string const& error) { text = error; });
    REQUIRE(store.flush(60));
    return text;
  };
  auto job = job_of(store);
  job.number = 1;
  CHECK(error_of(job) == "there is a job 1 already");
  job.number = 0;
  CHECK(error_of(job) == "0 cannot be the number of a job");
  job = job_of(store);
  job.spec.name = "\xff";
  CHECK(error_of(job).starts_with("a text of the job is not UTF-8"));
  job = job_of(store);
  job.spec.kinds.clear();
  CHECK(error_of(job).starts_with("'kinds' of the job"));
  CHECK(store.load().size() == 1);
  CHECK(store.health().problem.empty());
}

TEST_CASE("Groups are kept until they are removed") {
  Scratch const scratch;
  {
    Store store{scratch.path()};
    store.add_group({.group = 1, .details = "{\"a\": 1}"});
    store.add_group({.group = 18446744073709551615U, .details = "old"});
    store.add_group({.group = 18446744073709551615U, .details = "new"});
    store.add_group({.group = 3});
    store.remove_group(3);
    store.remove_group(4);
    REQUIRE(store.flush(60));
  }
  Store store{scratch.path()};
  CHECK(store.damage().empty());
  auto const groups = store.load_groups();
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].details == "new");
  CHECK(groups[1].group == 1);
  CHECK(groups[1].details == "{\"a\": 1}");
}

TEST_CASE("Calls of done come in the order of the calls") {
  Scratch const scratch;
  Store store{scratch.path()};
  add_job(store, tasks_of(1));
  std::vector<int> order;
  for (int i = 0; i < 1000; ++i) store.add_ends({end_of(1, 0)}, [&order, i] { order.push_back(i); });
  REQUIRE(store.flush(60));
  CHECK(order.size() == 1000);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("What was added is on disk once the store has ended") {
  Scratch const scratch;
  {
    Store store{scratch.path()};
    store.add_job(job_of(store), tasks_of(10), {});
    for (std::uint64_t i = 0; i < 10; ++i) store.add_ends({end_of(1, i)}, {});
  }
  Store store{scratch.path()};
  CHECK(store.ends(1, 0, 10).size() == 10);
}

TEST_CASE("Two stores on one database do not damage it") {
  Scratch const scratch;
  {
    Store first{scratch.path()};
    Store second{scratch.path()};
    add_job(first, tasks_of(1000));
    for (std::uint64_t i = 0; i < 500; ++i) {
      first.add_ends({end_of(1, i)}, {});
      second.add_ends({end_of(1, 500 + i)}, {});
    }
    REQUIRE(first.flush(60));
    REQUIRE(second.flush(60));
  }
  Store store{scratch.path()};
  CHECK(store.damage().empty());
  CHECK(store.ends(1, 0, 1000).size() == 1000);
}
