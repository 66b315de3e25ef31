// How the scheduler packs tasks with different requests, against groups that do what a seed says.
#include "core/resources/budget.hpp"
#include "core/scheduler/scheduler.hpp"

#include <farm/error.hpp>
#include <farm/memory_size.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

#include "tests/core/fake_groups.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

using namespace farm::testing;
using namespace farm::literals;
using namespace std::chrono_literals;

namespace {

Capacity const machine{.cores = 8, .gpus = 4, .memory = 16_GiB, .named = {{"licence", 2}, {"port", 5}}};  // NOLINT

Request random_request(std::mt19937& random) {
  auto const below = [&](int n) { return std::uniform_int_distribution<int>{0, n - 1}(random); };
  Request request{.ranks = 1 + (below(3) == 0 ? below(4) : 0)};
  if (below(2) == 0) request.threads = 1 + below(8 / request.ranks);
  if (below(4) == 0) request.gpus = below(4 / request.ranks + 1);
  if (below(4) == 0) request.memory = below(16 / request.ranks + 1) * 1_GiB;
  if (below(4) == 0) request.named.push_back({"licence", 1 + below(2)});
  if (below(6) == 0) request.named.push_back({"port", 1 + below(5)});
  return request;
}

std::uint32_t first_seed() {
  auto const* const given = std::getenv("FARM_TEST_SEED");  // NOLINT(concurrency-mt-unsafe): a test has one thread
  return given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
}

/// Lets each group that has a task finish it with some probability, and groups come and go.
void move_on(FakeGroups& farm, std::mt19937& random) {
  auto const below = [&](int n) { return std::uniform_int_distribution<int>{0, n - 1}(random); };
  if (below(2) == 0) farm.all_gone();
  if (!farm.starts.empty() && below(2) == 0) farm.come_up();
  for (auto const id : farm.ids()) {
    if (below(3) != 0 || !farm.groups.contains(id)) continue;
    auto const& group = farm.groups.at(id);
    if (!group.tasks.empty() && !group.ended) farm.finish(id);
  }
}

}  // namespace

TEST_CASE("mixed requests all run in the end, and nothing is given to two groups") {
  auto const first = first_seed();
  for (std::uint32_t i = 0; i < 60; ++i) {
    INFO("run it again alone with FARM_TEST_SEED=" << first + i);
    std::mt19937 random{first + i};
    FakeGroups farm{{.max_ranks = 12, .capacity = machine}};
    std::vector<TaskPtr> tasks;
    for (int step = 0; step < 300; ++step) {
      if (step < 200 && random() % 2 == 0) tasks.push_back(farm.submit(random_request(random)));
      move_on(farm, random);  // FakeGroups checks each start against what there is
    }
    farm.run_all();
    for (auto const& task : tasks) CHECK(has_value(task));
    farm.scheduler.shutdown(false);
    farm.all_gone();
    CHECK(farm.times_drained == 1);
  }
}

TEST_CASE("a steady flow of small requests does not starve a large one, whatever it lacks") {
  auto const large =
      GENERATE(Request{.ranks = 1, .threads = 8}, Request{.ranks = 4, .gpus = 1}, Request{.ranks = 1, .memory = 16_GiB},
               Request{.ranks = 2, .named = {{"licence", 2}}}, Request{.ranks = 12});
  Request const small{
      .ranks = 1,
      .threads = 1,
      .gpus = large.gpus > 0 ? 1 : 0,
      .memory = large.memory > 0 ? 2_GiB : 0,
      .named = large.named.empty() ? std::vector<NamedAmount>{} : std::vector<NamedAmount>{{"licence", 1}}};
  CAPTURE(to_text(large));
  auto const first = first_seed();
  for (std::uint32_t i = 0; i < 10; ++i) {
    INFO("run it again alone with FARM_TEST_SEED=" << first + i);
    std::mt19937 random{first + i};
    FakeGroups farm{{.max_ranks = 12, .capacity = machine}};
    for (int each = 0; each < 20; ++each) farm.submit(small);
    auto const task = farm.submit(large);
    int steps = 0;
    for (; !has_value(task) && steps < 3000; ++steps) {
      farm.submit(small);
      farm.submit(small);
      move_on(farm, random);
    }
    CHECK(has_value(task));
  }
}

TEST_CASE("a large request that waits for devices does not hold back tasks that need none") {
  FakeGroups farm{{.max_ranks = 12, .capacity = machine}};
  auto const holder = farm.submit({.ranks = 1, .gpus = 3});
  farm.all_come_up();
  auto const waiting = farm.submit({.ranks = 1, .gpus = 2});
  farm.all_come_up();
  for (int i = 0; i < 300; ++i) {
    auto const task = farm.submit({.ranks = 2, .threads = 1});
    farm.all_come_up();
    REQUIRE(farm.where(task) != 0);
    farm.finish(farm.where(task));
  }
  CHECK(farm.where(waiting) == 0);
  farm.finish(farm.where(holder));
  farm.run_all();
  CHECK(has_value(waiting));
}

TEST_CASE("equal requests start in the order in which they came, and those of higher priority first") {
  auto const first = first_seed();
  for (std::uint32_t i = 0; i < 30; ++i) {
    INFO("run it again alone with FARM_TEST_SEED=" << first + i);
    std::mt19937 random{first + i};
    auto const request = random_request(random);
    FakeGroups farm{{.max_ranks = 12, .capacity = machine}};
    std::map<std::uint64_t, int> priorities;
    for (int each = 0; each < 100; ++each) {
      int const priority = static_cast<int>(random() % 3);
      priorities[farm.submit(request, priority)->id] = priority;
    }
    // what was sent before all were there does not count
    auto const sent = farm.order.size();
    while (farm.order.size() < 100) move_on(farm, random);
    for (auto each = sent + 1; each < farm.order.size(); ++each) {
      auto const before = farm.order[each - 1];
      auto const after = farm.order[each];
      CHECK(priorities[before] >= priorities[after]);
      if (priorities[before] == priorities[after]) CHECK(before < after);
    }
    farm.run_all();
  }
}

TEST_CASE("ranks that say nothing about threads may share cores, but not with those that do") {
  FakeGroups farm{{.max_ranks = 12, .capacity = machine}};
  farm.submit_many(12);
  CHECK(farm.starts.size() == 12);  // of 8 cores
  farm.all_come_up();
  auto const own = farm.submit({.ranks = 1, .threads = 1});
  farm.run_all();
  CHECK(has_value(own));
  auto const running = farm.submit({.ranks = 1, .threads = 6});
  farm.all_gone();
  farm.all_come_up();
  farm.all_gone();
  farm.all_come_up();
  REQUIRE(farm.where(running) != 0);
  farm.submit_many(12);
  farm.all_gone();
  int plain = farm.ranks_taken() - 1;
  CHECK(plain == 2);  // on the cores that are left
  farm.run_all();
}

TEST_CASE("a request that can never be met fails at once, and says what there is") {
  FakeGroups farm{{.max_ranks = 12, .capacity = machine}};
  auto const why = [&](Request const& request) {
    auto const task = farm.submit(request);
    return error_of<farm::UsageError>([&] { rethrow(task); });
  };
  CHECK(why({.ranks = 3, .threads = 3}) ==
        "a task of 3 ranks with 3 threads each was submitted, but there are 8 cores");
  CHECK_THAT(why({.ranks = 1, .gpus = 5}), contains("there are 4 gpus"));
  CHECK_THAT(why({.ranks = 1, .memory = 17_GiB}), contains("17 GiB was submitted, but there are 16 GiB of memory"));
  CHECK_THAT(why({.ranks = 1, .memory = std::int64_t{1} << 62}), contains("there are 16 GiB of memory"));
  CHECK_THAT(why({.ranks = 1, .named = {{"licence", 3}}}), contains("there are 2 of licence"));
  CHECK_THAT(why({.ranks = 1, .named = {{"ports", 1}}}), contains("there are 0 of ports"));
}
