// Tasks of different sizes, and several schedulers, that compete for room.
#include "core/scheduler/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "tests/core/fake_groups.hpp"
#include "tests/support/catch.hpp"

using namespace farm::testing;
using namespace std::chrono_literals;
using Ids = std::vector<std::uint64_t>;

namespace {

/// Lets everything go well until a group of so many ranks is requested, and returns how many tasks were sent by then.
std::size_t sent_until_start(FakeGroups& farm, int ranks, std::chrono::nanoseconds run) {
  farm.order.clear();
  for (;;) {
    for (auto const id : farm.ids()) {
      farm.all_gone();
      if (std::find(farm.starts.begin(), farm.starts.end(), Request{.ranks = ranks}) != farm.starts.end())
        return farm.order.size();
      farm.all_come_up();
      if (farm.groups.contains(id) && !farm.on(id).empty()) farm.finish(id, run);
    }
    REQUIRE(farm.order.size() < 500);
  }
}

}  // namespace

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
  CHECK(farm.groups.size() == 2);  // one small group may stay
}

TEST_CASE("idle groups of another size leave if they take the room that a group needs") {
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

TEST_CASE("starts of another size that are no longer needed are withdrawn") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.scheduler.boot({.ranks = 1});
  CHECK(farm.starts.size() == 4);
  farm.submit(4);
  CHECK(farm.start_ranks() == std::deque{4});
}

TEST_CASE("starts that boot asked for stay when another scheduler needs ranks, and end with a shutdown") {
  FakeGroups farm{{.max_ranks = 3}};
  farm.scheduler.boot({.ranks = 1});
  farm.come_up();
  farm.scheduler.set_others_wait(true);
  farm.scheduler.release_idle();
  CHECK(farm.starts.size() == 2);
  farm.all_gone();
  farm.all_come_up();
  farm.all_gone();
  CHECK(farm.scheduler.statistics().groups_started == 3);
  farm.scheduler.boot({.ranks = 1});
  CHECK(farm.starts.size() == 3);
  farm.scheduler.shutdown(false);
  CHECK(farm.starts.empty());
  CHECK(farm.times_drained == 1);
}

TEST_CASE("a start that only the scheduler's own groups keep waiting is given up if no task needs it") {
  FakeGroups farm{{.max_ranks = 4}};
  farm.scheduler.boot({.ranks = 1});
  farm.come_up();
  farm.come_up();
  REQUIRE(farm.starts.size() == 2);
  for (int i = 0; i < 2; ++i) {  // there is room for two groups only
    CHECK(farm.scheduler.start_is_blocked({.ranks = 1}));
    farm.starts.pop_back();
  }
  auto const large = farm.submit(2);
  CHECK(farm.start_ranks() == std::deque{2});
  CHECK_FALSE(farm.scheduler.start_is_blocked({.ranks = 2}));  // the idle groups leave
  farm.all_gone();
  farm.all_come_up();
  CHECK(farm.where(large) != 0);
  farm.run_all();
  CHECK(farm.scheduler.idle());
}

TEST_CASE("a large task is overtaken by at most 64 smaller ones") {
  auto const run = GENERATE(as<std::chrono::nanoseconds>{}, 1s, 10us);  // short tasks are sent ahead
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

TEST_CASE("an urgent large task is not overtaken for ever by tasks that were submitted before it") {
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

TEST_CASE("two large tasks start in turn") {
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

TEST_CASE("many idle groups do not overtake a large task without limit") {
  FakeGroups farm{{.max_ranks = 200}};
  farm.submit_many(200, 1);
  farm.all_come_up();
  auto const first = farm.submit(100, 1);
  farm.submit_many(1000, 1);
  for (GroupId id = 1; id <= 64; ++id) farm.finish(id);
  for (auto const id : farm.ids()) farm.finish(id);  // the first large task is favored: 100 groups leave, 100 stay idle
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

TEST_CASE("a cancelled task no longer keeps room from others") {
  FakeGroups farm{{.max_ranks = 2}};
  farm.submit_many(2, 1);
  farm.all_come_up();
  auto const large = farm.submit(2);
  farm.submit_many(200, 1);
  auto const ids = farm.ids();
  while (!farm.on(ids[0]).empty()) farm.finish(ids[0]);  // until it waits for the other group
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

TEST_CASE("while another scheduler waits for ranks, groups leave as soon as they are idle") {
  FakeGroups farm{{.max_ranks = 1}};
  farm.scheduler.set_others_wait(true);
  farm.submit_many(2);
  auto const group = farm.come_up();
  farm.finish(group);
  CHECK_FALSE(farm.groups.at(group).leaving);  // the queue has another task for it
  farm.finish(group);
  CHECK(farm.groups.at(group).leaving);
  farm.all_gone();
  farm.scheduler.set_others_wait(false);
  farm.submit();
  farm.run_all();
  CHECK(farm.groups.size() == 1);
}
