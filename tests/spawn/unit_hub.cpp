// A hub with a fake source: which groups wait, which are started, and what ends them. No process is started.
#include "spawn/hub/hub.hpp"

#include "tests/spawn/fake_hub.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace farm::testing;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<std::uint64_t>;
using Told = std::vector<std::string>;

/// A source with so much room, which starts nothing. Used on the hub's thread, but for its atomics.
class FakeSource final : public GroupSource {
 public:
  [[nodiscard]] Slots const& slots() const override { return slots_; }
  [[nodiscard]] farm::Source kind() const override { return farm::Source::spawned; }
  [[nodiscard]] std::vector<HostResources> resources() const override { return {}; }
  [[nodiscard]] bool has_room(Request const& request, farm::WorkerOptions const& /*options*/) const override {
    return request.ranks <= room;
  }
  [[nodiscard]] std::string refusal(Request const& /*request*/, farm::WorkerOptions const& /*options*/) const override {
    return why_refused;
  }
  void start(std::shared_ptr<Group> const& group, int /*peak_ranks*/, farm::WorkerOptions const& /*options*/,
             Clock::duration /*limit*/) override {
    room -= group->ranks();
    started.push_back(group->id());
  }
  bool withdraw(Group const& group) override {
    if (!can_withdraw) return false;
    room += group.ranks();
    return true;
  }
  void released(Group const& group) override {
    room += group.ranks();
    released_groups.push_back(group.id());
  }
  void take_back(std::vector<Member> /*members*/) override {}
  void attach(Hello const& /*hello*/, Socket /*socket*/) override { throw ProtocolError("nobody is expected"); }
  void close(std::function<void()> done) override {
    closed = true;
    done();
  }
  [[nodiscard]] bool ended() const override { return true; }

  int room = 0;
  std::string why_refused;
  bool can_withdraw = false;
  Ids started;
  Ids released_groups;
  std::atomic<bool> closed{false};

 private:
  Slots slots_;
};

class FakeClient final : public HubClient {
 public:
  void others_wait(bool waiting) override { they_wait = waiting; }
  void waits_for_own_groups(Group& group) override { blocked.push_back(group.id()); }
  void interrupted(std::exception_ptr const& error) override { errors.push_back(error); }
  bool they_wait = false;
  Ids blocked;  ///< groups that only groups of this client keep waiting
  std::vector<std::exception_ptr> errors;
};

struct HubTest {
  HubTest() {
    auto made = std::make_unique<FakeSource>();
    source = made.get();
    hub.set_source(std::move(made));
  }
  HubTest(HubTest const&) = delete;
  HubTest& operator=(HubTest const&) = delete;

  /// Calls f() on the hub's thread, after all that was posted before, and returns what it returns.
  template <class F>
  auto on_hub(F f) {
    std::promise<decltype(f())> result;
    hub.post([&] {
      if constexpr (std::is_void_v<decltype(f())>) {
        f();
        result.set_value();
      } else {
        result.set_value(f());
      }
    });
    return result.get_future().get();
  }
  /// The hub closes only without groups.
  ~HubTest() {
    on_hub([&] { hub.source_port().fail_starting(*source, "the test is over"); });
  }

  /// Waits until the condition holds on the hub's thread. Returns false if it does not within some seconds.
  template <class Condition>
  bool comes_true(Condition condition) {
    auto const end = Clock::now() + 20s;
    while (!on_hub(condition)) {
      if (Clock::now() > end) return false;
    }
    return true;
  }
  std::shared_ptr<Group> start_group(int ranks) {
    auto group = on_hub([&] { return hub.start_group({.ranks = ranks}, ranks, {}, 60s, owner); });
    on_hub([] {});
    return group;
  }
  void set_room(int room) {
    on_hub([&] {
      source->room = room;
      hub.source_port().room_has_changed();
    });
    on_hub([] {});  // after what that has posted
  }
  Ids started() {
    return on_hub([&] { return source->started; });
  }
  Told told() {
    return on_hub([&] { return owner.told; });
  }

  FakeOwner owner;  // before the hub, which calls it to the end
  Hub hub;
  FakeSource* source;
};

}  // namespace

TEST_CASE("groups that wait for room are started in the order in which they were asked for") {
  HubTest test;
  auto const first = test.start_group(2);
  auto const second = test.start_group(1);
  auto const third = test.start_group(1);
  CHECK(test.started().empty());
  test.set_room(1);  // the second would fit, but the first waits longer
  CHECK(test.started().empty());
  test.set_room(3);
  CHECK(test.started() == Ids{first->id(), second->id()});
  test.set_room(1);
  CHECK(test.started() == Ids{first->id(), second->id(), third->id()});
}

TEST_CASE("the end of a group makes room for the next one") {
  HubTest test;
  test.set_room(1);
  auto const first = test.start_group(1);
  auto const second = test.start_group(1);
  CHECK(test.started() == Ids{first->id()});
  test.on_hub([&] { first->start_failed("no such program"); });
  CHECK(test.comes_true([&] { return test.source->started.size() == 2; }));
  CHECK(test.started() == Ids{first->id(), second->id()});
  CHECK(test.told() == Told{"start failed", "gone"});
  CHECK(test.on_hub([&] { return test.source->released_groups; }) == Ids{first->id()});
}

TEST_CASE("a group that is withdrawn before its start is not heard of again") {
  HubTest test;
  auto const first = test.start_group(2);
  auto const second = test.start_group(1);
  CHECK(test.on_hub([&] { return test.hub.withdraw(*first); }));
  test.set_room(1);
  CHECK(test.started() == Ids{second->id()});
  CHECK(test.told().empty());
  CHECK(!test.on_hub([&] { return test.hub.withdraw(*second); }));  // the source has begun
  test.on_hub([&] { test.source->can_withdraw = true; });
  CHECK(test.on_hub([&] { return test.hub.withdraw(*second); }));
  CHECK(test.told().empty());
  CHECK(test.on_hub([&] { return test.source->released_groups; }).empty());
}

TEST_CASE("a group that its source can never start fails at once, with the reason") {
  HubTest test;
  test.on_hub([&] { test.source->why_refused = "too few ranks are left"; });
  auto const group = test.start_group(1);
  CHECK(test.comes_true([&] { return test.owner.told.size() == 2; }));
  CHECK(test.told() == Told{"start failed", "gone"});
  CHECK(test.on_hub([&] { return test.owner.why; }) == "too few ranks are left");
  CHECK(test.started().empty());
}

TEST_CASE("a source that can start no more groups fails those that wait and those that it has begun") {
  HubTest test;
  test.set_room(1);
  auto const begun = test.start_group(1);
  auto const waiting = test.start_group(1);
  CHECK(test.started() == Ids{begun->id()});
  test.on_hub([&] {
    test.source->why_refused = "spawning hangs";
    test.hub.source_port().fail_starting(*test.source, "spawning hangs");
  });
  CHECK(test.comes_true([&] { return test.owner.told.size() == 4; }));
  auto told = test.told();
  std::sort(told.begin(), told.end());
  CHECK(told == Told{"gone", "gone", "start failed", "start failed"});
}

TEST_CASE("clients are told when groups wait, and when none does any more") {
  HubTest test;
  FakeClient client;
  test.on_hub([&] { test.hub.add_client(client); });
  auto const group = test.start_group(1);
  CHECK(test.on_hub([&] { return client.they_wait; }));
  test.set_room(1);
  CHECK(!test.on_hub([&] { return client.they_wait; }));
  test.on_hub([&] { test.hub.remove_client(client); });
}

TEST_CASE("a client is told that others wait only if another one waits, and which groups its own groups keep waiting") {
  HubTest test;
  FakeClient one;
  FakeClient two;
  auto const start = [&](FakeClient& client) {
    auto const group = test.on_hub([&] { return test.hub.start_group({.ranks = 1}, 1, {}, 60s, test.owner, &client); });
    test.on_hub([] {});
    return group->id();
  };
  test.on_hub([&] {
    test.hub.add_client(one);
    test.hub.add_client(two);
  });
  test.set_room(1);
  start(one);
  auto const second = start(one);
  CHECK(test.on_hub([&] { return !one.they_wait && two.they_wait; }));
  CHECK(test.on_hub([&] { return one.blocked == Ids{second}; }));
  start(two);
  CHECK(test.on_hub([&] { return one.they_wait && two.they_wait; }));
  CHECK(test.on_hub([&] { return one.blocked == Ids{second} && two.blocked.empty(); }));
  test.set_room(2);
  CHECK(test.on_hub([&] { return !one.they_wait && !two.they_wait; }));
  test.on_hub([&] {
    test.hub.remove_client(one);
    test.hub.remove_client(two);
  });
}

TEST_CASE("an interrupt reaches all clients, also those that come later") {
  HubTest test;
  FakeClient early;
  FakeClient late;
  FakeClient removed;
  test.on_hub([&] {
    test.hub.add_client(early);
    test.hub.add_client(removed);
    test.hub.remove_client(removed);
    test.hub.interrupt(std::make_exception_ptr(farm::CancelledError("interrupted")));
    test.hub.add_client(late);
  });
  CHECK(early.errors.size() == 1);
  CHECK(late.errors.size() == 1);
  CHECK(removed.errors.empty());
  test.on_hub([&] {
    test.hub.remove_client(early);
    test.hub.remove_client(late);
  });
}

TEST_CASE("a hub closes when its last group is gone, and its source only then") {
  HubTest test;
  test.set_room(1);
  auto const group = test.start_group(1);
  auto closing = std::async(std::launch::async, [&] { return test.hub.close(); });
  CHECK(closing.wait_for(100ms) == std::future_status::timeout);
  CHECK(!test.source->closed);
  test.on_hub([&] { group->start_failed("no such program"); });
  REQUIRE(closing.wait_for(20s) == std::future_status::ready);
  CHECK(closing.get());
  CHECK(test.source->closed);
  CHECK(test.told() == Told{"start failed", "gone"});
}

TEST_CASE("a kind of groups that the run does not have is refused, with what to do") {
  HubTest test;
  CHECK(&test.hub.source() == test.source);
  CHECK(&test.hub.source(farm::Source::spawned) == test.source);
  CHECK_THAT(error_of<farm::UsageError>([&] { static_cast<void>(test.hub.source(farm::Source::static_ranks)); }),
             contains("this run has no static groups: start the program with all its ranks"));
}

TEST_CASE("the hub of the Runtime is the one that was set; without one, the error says what to do") {
  CHECK(!Hub::exists());
  CHECK_THAT(error_of<farm::UsageError>([] { static_cast<void>(Hub::instance()); }), contains("farm::Runtime"));
  HubTest test;
  Hub::set_instance(&test.hub);
  CHECK(&Hub::instance() == &test.hub);
  Hub::set_instance(nullptr);
}
