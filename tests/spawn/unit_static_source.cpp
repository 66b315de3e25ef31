// Ranks that were there from the start: how they connect, are lent to groups and come back, and how they leave.
#include "spawn/sources/static_source.hpp"

#include "tests/spawn/fake_hub.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>

using namespace farm::testing;
using namespace std::chrono_literals;

namespace {

Slots slots_for(int ranks) {
  return {.total = ranks, .limited = true, .origin = "the test", .remedy = [](int) { return std::string{"more"}; }};
}

/// The source of a job of so many ranks, of which rank 0 is the master.
struct SourceTest {
  explicit SourceTest(int size) : source(hub, size, 0, slots_for(size - 1)) {}

  void connect(Hello const& hello) {
    Socket socket{hub.loop};
    auto& process = processes.emplace_back(hub.loop, socket);
    (hello.is_guard ? guards : ranks)[hello.rank] = &process;
    source.attach(hello, std::move(socket));
  }
  void connect_both(int rank) {
    connect(hello_of(rank, false));
    connect(hello_of(rank, true));
  }
  std::shared_ptr<Group> start_group(int size) {
    auto group = std::make_shared<Group>(hub, ++last_group, Request{.ranks = size}, owner);
    source.start(group, size, {}, 60s);
    return group;
  }

  FakeHub hub;
  FakeOwner owner;
  std::deque<FakeProcess> processes;
  std::map<int, FakeProcess*> ranks;
  std::map<int, FakeProcess*> guards;
  std::uint64_t last_group = 0;
  StaticSource source;
};

}  // namespace

TEST_CASE("a static rank is free once it and its guard have connected") {
  SourceTest test{3};
  CHECK(!test.source.has_room({.ranks = 1}, {}));
  test.connect(hello_of(2, true));
  CHECK(!test.source.has_room({.ranks = 1}, {}));
  CHECK_THAT(error_of<farm::SpawnError>([&] { test.source.wait_for_all(1ms); }),
             contains("only some of 2 ranks connected within 0.001 s"));
  test.connect(hello_of(2, false));
  CHECK(test.source.has_room({.ranks = 1}, {}));
  CHECK(!test.source.has_room({.ranks = 2}, {}));
  test.connect_both(1);
  CHECK(test.source.has_room({.ranks = 2}, {}));
  CHECK_NOTHROW(test.source.wait_for_all(0ms));
  CHECK(test.source.refusal({.ranks = 2}, {}).empty());
}

TEST_CASE("ranks that are not of the job, are there already, or run another build are turned away") {
  SourceTest test{3};
  test.connect_both(1);
  for (int const rank : {-1, 0, 1, 3}) {
    CAPTURE(rank);
    CHECK_THAT(error_of<ProtocolError>([&] { test.connect(hello_of(rank, false)); }),
               contains("no such rank is expected"));
  }
  auto hello = hello_of(2, false);
  hello.build_id = "another";
  CHECK_THAT(error_of<ProtocolError>([&] { test.connect(hello); }), contains("another build"));
  test.connect(hello_of(2, false));
  CHECK_THAT(error_of<ProtocolError>([&] { test.connect(hello_of(2, false)); }), contains("connected already"));
}

TEST_CASE("a group takes free ranks, and its source has them again afterwards") {
  SourceTest test{4};
  for (int const rank : {3, 1, 2}) test.connect_both(rank);
  auto const group = test.start_group(2);
  CHECK(test.source.has_room({.ranks = 1}, {}));
  CHECK(!test.source.has_room({.ranks = 2}, {}));
  CHECK(test.source.refusal({.ranks = 3}, {}).empty());  // those that are lent come back
  CHECK(test.hub.run_until([&] { return test.ranks[1]->got(FrameType::form) && test.ranks[2]->got(FrameType::form); }));
  CHECK(!test.ranks[3]->got(FrameType::form));
  auto const form = farm::unpack<Form>(test.ranks[1]->payloads[FrameType::form]);
  CHECK(form.group == group->id());
  CHECK(form.ranks == std::vector<int>{1, 2});
  for (int const rank : {1, 2})
    test.ranks[rank]->send(FrameType::prepared, static_cast<std::uint64_t>(FrameType::form));
  CHECK(test.hub.run_until([&] { return test.owner.was_told("ready"); }));
  group->release();
  CHECK(test.hub.run_until([&] { return test.owner.was_told("gone"); }));
  test.source.take_back(std::move(test.hub.taken_back));
  test.source.released(*group);
  CHECK(test.source.has_room({.ranks = 3}, {}));
  CHECK_THAT(test.source.refusal({.ranks = 4}, {}), contains("3 of the 3 ranks that serve are left"));
}

TEST_CASE("a rank that dies without a task is not replaced, and groups that need it are refused") {
  SourceTest test{3};
  for (int const rank : {1, 2}) test.connect_both(rank);
  test.ranks[2]->die();
  CHECK(test.hub.run_until([&] { return test.hub.room_changes == 1; }));
  CHECK(test.source.has_room({.ranks = 1}, {}));
  CHECK(!test.source.has_room({.ranks = 2}, {}));
  CHECK(test.source.refusal({.ranks = 1}, {}).empty());
  CHECK_THAT(test.source.refusal({.ranks = 2}, {}), contains("1 of the 2 ranks that serve are left"));
}

TEST_CASE("a source that closes tells its ranks to leave, and is done when they have gone") {
  SourceTest test{3};
  for (int const rank : {1, 2}) test.connect_both(rank);
  bool done = false;
  test.source.close([&] { done = true; });
  CHECK(
      test.hub.run_until([&] { return test.ranks[1]->got(FrameType::leave) && test.ranks[2]->got(FrameType::leave); }));
  test.ranks[1]->die();
  test.hub.settle();
  CHECK(!done);
  test.ranks[2]->die();
  CHECK(test.hub.run_until([&] { return done; }));
  CHECK(!test.source.ended());  // guards may still pass on output
  for (int const rank : {1, 2}) {
    test.guards[rank]->send(FrameType::output, 1, "bye\n");
    test.guards[rank]->die();
  }
  CHECK(test.hub.run_until([&] { return test.hub.sources_ended != 0; }));
  CHECK(test.source.ended());
  CHECK(test.hub.printed == "1:bye\n1:bye\n");
}

TEST_CASE("a group that is to run on certain hosts is formed of the ranks there") {
  SourceTest test{4};
  for (int const rank : {1, 2, 3}) {
    for (bool const is_guard : {false, true}) test.connect(hello_of(rank, is_guard, rank == 2 ? "nodeB" : "nodeA"));
  }
  farm::WorkerOptions const on_b{.hosts = {"nodeB"}};
  CHECK_NOTHROW(test.source.check(1, on_b));
  CHECK_THAT(error_of<farm::UsageError>([&] { test.source.check(1, {.hosts = {"nodeC"}}); }),
             contains("hosts: nodeC is not one of the available hosts (the ranks run on nodeA, nodeB)"));
  CHECK(test.source.has_room({.ranks = 1}, on_b));
  CHECK(!test.source.has_room({.ranks = 2}, on_b));
  CHECK_THAT(test.source.refusal({.ranks = 2}, on_b),
             contains("1 ranks serve on nodeB: no group of 2 can be formed there"));
  auto const group = std::make_shared<Group>(test.hub, 7, Request{.ranks = 1}, test.owner);
  test.source.start(group, 1, on_b, 60s);
  CHECK(test.ranks.at(2) != nullptr);
  CHECK(!test.source.has_room({.ranks = 1}, on_b));
  CHECK(test.source.refusal({.ranks = 1}, on_b).empty());
  CHECK(test.source.has_room({.ranks = 2}, {}));
}
