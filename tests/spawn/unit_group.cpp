// One group between a fake hub and fake ranks and guards: when it is ready, what its owner is told, and how it ends.
#include "spawn/group/group.hpp"

#include "core/base/failure.hpp"

#include "tests/spawn/fake_hub.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace farm::testing;
using namespace std::chrono_literals;

namespace {

using Told = std::vector<std::string>;

constexpr auto long_time = 60s;

/// A group, its owner, and its processes.
struct GroupTest {
  explicit GroupTest(int size) : group(std::make_shared<Group>(hub, 1, Request{.ranks = size}, owner)) {}

  FakeProcess& connect(Hello const& hello) {
    Socket socket{hub.loop};
    auto& process = processes.emplace_back(hub.loop, socket);
    group->attach(hello, std::move(socket));
    return process;
  }
  FakeProcess& connect_rank(int rank, std::string const& host = "nodeA") {
    return connect(hello_of(rank, false, host));
  }
  FakeProcess& connect_guard(int rank, std::string const& host = "nodeA") {
    return connect(hello_of(rank, true, host));
  }
  /// All ranks and guards; rank i's is ranks[i].
  void become_ready(std::vector<std::string> const& hosts) {
    group->expect(long_time);
    for (int i = 0; i < group->ranks(); ++i) {
      auto const& host = hosts[static_cast<std::size_t>(i)];
      ranks.push_back(&connect_rank(i, host));
      guards.push_back(&connect_guard(i, host));
    }
    REQUIRE(owner.told == Told{"ready"});
    owner.told.clear();
  }
  void report_death(std::size_t rank, int signal) {
    ExitReport report;
    report.signal = signal;
    guards[rank]->send(FrameType::exited, 0, farm::pack(report));
  }
  void all_die() {
    for (auto& process : processes) process.die();
  }
  bool is_gone() {
    return hub.run_until([&] { return owner.was_told("gone"); });
  }

  FakeHub hub;
  FakeOwner owner;
  std::shared_ptr<Group> group;
  std::deque<FakeProcess> processes;
  std::vector<FakeProcess*> ranks;
  std::vector<FakeProcess*> guards;
};

}  // namespace

TEST_CASE("a group is ready when all its ranks and guards have connected, and not before its source says so") {
  GroupTest test{2};
  test.connect_rank(0);
  test.connect_guard(1);
  test.connect_rank(1);
  CHECK(!test.group->is_complete());
  test.connect_guard(0);
  CHECK(test.group->is_complete());
  CHECK(test.owner.told.empty());  // the spawn has not returned
  test.group->expect(long_time);
  CHECK(test.owner.told == Told{"ready"});
  CHECK(test.hub.rings_offered == 2);
  CHECK(test.group->host(1) == "nodeA");
}

TEST_CASE("a group is ready when every rank has come back from the initializer") {
  GroupTest test{2};
  test.owner.set_initializer(farm::Initializer{farm::CodeAddress{1, 2}, "call"});
  test.group->expect(long_time);
  for (int i = 0; i < 2; ++i) {
    test.ranks.push_back(&test.connect_rank(i));
    test.connect_guard(i);
  }
  CHECK(test.hub.run_until([&] { return test.ranks[1]->got(FrameType::initialize); }));
  test.ranks[1]->send(FrameType::prepared, static_cast<std::uint64_t>(FrameType::initialize));
  test.hub.settle();
  CHECK(test.owner.told.empty());
  test.ranks[0]->send(FrameType::prepared, static_cast<std::uint64_t>(FrameType::initialize));
  CHECK(test.hub.run_until([&] { return !test.owner.told.empty(); }));
  CHECK(test.owner.told == Told{"ready"});
}

TEST_CASE("an initializer that throws ends the group, and the owner is told once") {
  GroupTest test{2};
  test.owner.set_initializer(farm::Initializer{farm::CodeAddress{1, 2}, "call"});
  test.group->expect(long_time);
  for (int i = 0; i < 2; ++i) {
    test.ranks.push_back(&test.connect_rank(i));
    test.guards.push_back(&test.connect_guard(i));
  }
  farm::Bytes failure;
  try {
    throw std::invalid_argument("no such file");
  } catch (...) {
    failure = farm::pack(current_failure());
  }
  for (auto* const rank : test.ranks) {
    rank->send(FrameType::prepared, static_cast<std::uint64_t>(FrameType::initialize), failure);
  }
  CHECK(test.hub.run_until([&] { return test.guards[0]->got(FrameType::end) && test.guards[1]->got(FrameType::end); }));
  CHECK(test.owner.told == Told{"initializer failed"});
  CHECK_THAT(test.owner.why, contains("no such file") && contains("on nodeA"));
  test.all_die();
  CHECK(test.is_gone());
  CHECK(test.owner.told == Told{"initializer failed", "gone"});
}

TEST_CASE("a task goes to every rank, and every rank's answer to the owner") {
  GroupTest test{2};
  test.become_ready({"nodeA", "nodeA"});
  test.group->send(Task{farm::CodeAddress{1, 2}, "the call"}, TaskHeader{});
  CHECK(test.hub.run_until([&] { return test.ranks[0]->got(FrameType::task) && test.ranks[1]->got(FrameType::task); }));
  CHECK_THAT(test.ranks[1]->payloads[FrameType::task], contains("the call"));
  test.ranks[1]->send(FrameType::value, 0, "b");
  CHECK(test.hub.run_until([&] { return test.owner.told.size() == 1; }));
  test.ranks[0]->send(FrameType::value, 0, "a");
  CHECK(test.hub.run_until([&] { return test.owner.told.size() == 2; }));
  CHECK(test.owner.told == Told{"answer of 1: b", "answer of 0: a"});
}

TEST_CASE("a rank that answers what it was not asked loses its group") {
  GroupTest test{1};
  test.become_ready({"nodeA"});
  test.ranks[0]->send(FrameType::value, 0, "unasked");
  CHECK(test.hub.run_until([&] { return !test.owner.told.empty(); }));
  CHECK(test.owner.told == Told{"lost"});
}

TEST_CASE("the death of a rank is told once, with how the rank died, and its peers are killed") {
  GroupTest test{2};
  test.owner.ends_in_answer = GENERATE(true, false);
  test.become_ready({"nodeA", "nodeB"});
  test.report_death(1, 9);
  test.ranks[1]->die();
  CHECK(test.hub.run_until([&] { return test.guards[0]->got(FrameType::end); }));
  test.hub.settle();
  CHECK(test.owner.told == Told{"lost"});
  CHECK_THAT(test.owner.why, contains("rank 1 of 2 on nodeB (process 1001) was ended by signal 9 (Killed)"));
  CHECK(std::count(test.guards[0]->frames.begin(), test.guards[0]->frames.end(), FrameType::end) == 1);
  test.report_death(0, 9);
  test.all_die();
  CHECK(test.is_gone());
  test.hub.settle();
  CHECK(test.owner.told == Told{"lost", "gone"});
  CHECK(test.hub.forgotten == std::vector<std::uint64_t>{1});
}

TEST_CASE("a rank that exits has ended its task itself, unless its launcher was killed") {
  GroupTest test{2};
  test.hub.launcher_killed = GENERATE(true, false);
  test.become_ready({"nodeA", "nodeA"});
  ExitReport report;
  report.status = 3;
  test.guards[1]->send(FrameType::exited, 0, farm::pack(report));
  CHECK(test.hub.run_until([&] { return test.owner.was_told("lost"); }));
  CHECK(test.owner.exited_rank == (test.hub.launcher_killed ? std::nullopt : std::optional{1}));
  test.all_die();
  CHECK(test.is_gone());
}

TEST_CASE("what a rank has answered before it died counts") {
  GroupTest test{1};
  test.become_ready({"nodeA"});
  test.group->send(Task{farm::CodeAddress{1, 2}, "call"}, TaskHeader{});
  CHECK(test.hub.run_until([&] { return test.ranks[0]->got(FrameType::task); }));
  test.ranks[0]->send(FrameType::value, 0, "the last");
  test.report_death(0, 11);
  CHECK(test.hub.run_until([&] { return test.owner.was_told("lost"); }));
  CHECK(test.owner.told == Told{"answer of 0: the last", "lost"});
}

TEST_CASE("a rank whose guard is gone, too, is lost without a report") {
  GroupTest test{1};
  test.become_ready({"nodeA"});
  test.guards[0]->die();
  CHECK(test.hub.run_until([&] { return test.owner.was_told("lost"); }));
  CHECK_THAT(test.owner.why, contains("and its guard broke off"));
  CHECK(test.group->ranks_without_report() == std::vector<int>{0});
}

TEST_CASE("ranks that do not connect in time fail the start, with the launcher's output") {
  GroupTest test{2};
  test.hub.launcher_output = "the launcher waits for a licence";
  test.connect_rank(1);
  test.connect_guard(1);
  test.group->expect(20ms);
  CHECK(test.hub.run_until([&] { return !test.owner.told.empty(); }));
  CHECK(test.owner.told == Told{"start failed"});
  CHECK_THAT(test.owner.why, contains("1 of the 2 ranks of a group connected within 0.02 s; the launcher waits for a "
                                      "licence"));
}

TEST_CASE("a start that fails before any rank is there ends with the group gone") {
  GroupTest test{1};
  test.group->start_failed("no slots");
  test.group->start_failed("again");
  test.group->launch_failed("and again");
  CHECK(test.owner.told == Told{"start failed"});
  CHECK(test.owner.why == "no slots");
  CHECK(test.is_gone());
  CHECK(test.owner.told == Told{"start failed", "gone"});
}

TEST_CASE("ranks of another build, of another group's size, or that come twice are refused") {
  GroupTest test{1};
  test.group->expect(long_time);
  test.connect_rank(0);
  CHECK_THAT(error_of<ProtocolError>([&] { test.connect_rank(0); }), contains("is connected already"));
  CHECK(test.owner.told.empty());
  auto hello = hello_of(0, true);
  SECTION("another build") {
    hello.build_id = "another";
    test.connect(hello);
    CHECK_THAT(test.owner.why, contains("runs another build of the program"));
  }
  SECTION("too many ranks") {
    CHECK_THAT(error_of<ProtocolError>([&] { test.connect_rank(1); }), contains("has no such rank"));
    CHECK_THAT(test.owner.why, contains("rank 1 connected, but 1 were asked for"));
  }
  CHECK(test.owner.told == Told{"start failed"});
}

TEST_CASE("a group that is released lets its ranks leave, and is gone when they have") {
  GroupTest test{2};
  test.become_ready({"nodeA", "nodeA"});
  test.group->release();
  CHECK(
      test.hub.run_until([&] { return test.ranks[0]->got(FrameType::leave) && test.ranks[1]->got(FrameType::leave); }));
  CHECK(!test.guards[0]->got(FrameType::end));
  test.ranks[0]->die();
  test.guards[0]->die();
  test.hub.settle();
  CHECK(test.owner.told.empty());
  test.ranks[1]->die();
  test.guards[1]->die();
  CHECK(test.is_gone());
  CHECK(test.owner.told == Told{"gone"});
  CHECK(test.hub.taken_back.empty());
}

TEST_CASE("static ranks go back to their source when their group is released, and the group is gone at once") {
  GroupTest test{2};
  std::vector<Member> members(2);
  for (int i = 0; i < 2; ++i) {
    auto& member = members[static_cast<std::size_t>(i)];
    Socket stream{test.hub.loop};
    Socket lifeline{test.hub.loop};
    test.ranks.push_back(&test.processes.emplace_back(test.hub.loop, stream));
    test.guards.push_back(&test.processes.emplace_back(test.hub.loop, lifeline));
    member.stream = std::make_shared<Stream>(std::move(stream), nullptr, nullptr);
    member.lifeline = std::make_shared<Stream>(std::move(lifeline), nullptr, nullptr);
    member.stream->set_handlers([](Frame const&) {}, [](std::string const&) {});
    member.lifeline->set_handlers([](Frame const&) {}, [](std::string const&) {});
    member.stream->start();
    member.lifeline->start();
    member.static_rank = i + 1;
    member.host = "nodeA";
  }
  test.group->form(std::move(members), "packed form", long_time);
  CHECK(test.hub.run_until([&] { return test.ranks[0]->got(FrameType::form) && test.ranks[1]->got(FrameType::form); }));
  CHECK(test.owner.told.empty());
  for (auto* const rank : test.ranks) rank->send(FrameType::prepared, static_cast<std::uint64_t>(FrameType::form));
  CHECK(test.hub.run_until([&] { return test.owner.was_told("ready"); }));

  SECTION("both ranks are idle") {
    test.group->release();
    CHECK(test.is_gone());
    CHECK(test.hub.taken_back.size() == 2);
    CHECK(test.hub.run_until([&] { return test.ranks[0]->got(FrameType::dissolve); }));
    CHECK(!test.ranks[0]->sees_end);
  }
  SECTION("one has died, and the other runs no task") {
    test.report_death(0, 9);
    test.ranks[0]->die();
    CHECK(test.hub.run_until([&] { return test.owner.was_told("lost"); }));
    test.guards[0]->die();
    CHECK(test.is_gone());
    REQUIRE(test.hub.taken_back.size() == 1);
    CHECK(test.hub.taken_back[0].static_rank == 2);
  }
  SECTION("one has died in a task that the other runs, too") {
    test.group->send(Task{farm::CodeAddress{1, 2}, "call"}, TaskHeader{});
    test.report_death(0, 9);
    CHECK(test.hub.run_until([&] { return test.guards[1]->got(FrameType::end); }));
    test.all_die();
    CHECK(test.is_gone());
    CHECK(test.hub.taken_back.empty());
  }
}

TEST_CASE("a host that is lost costs the group its ranks there, and nothing more is read from them") {
  GroupTest test{2};
  test.become_ready({"nodeA", "nodeB"});
  CHECK(test.group->rank_on("nodeB") == 1);
  CHECK(!test.group->rank_on("nodeC"));
  test.group->send(Task{farm::CodeAddress{1, 2}, "call"}, TaskHeader{});
  test.hub.settle();
  test.group->lose_host("nodeB");
  CHECK(test.owner.told == Told{"lost"});
  CHECK_THAT(test.owner.why, contains("rank 1 of 2 on nodeB is lost: the host has not answered"));
  test.ranks[1]->send(FrameType::value, 0, "too late");
  CHECK(test.hub.run_until([&] { return test.guards[0]->got(FrameType::end); }));
  test.ranks[0]->die();
  test.guards[0]->die();
  CHECK(test.is_gone());
  CHECK(test.owner.told == Told{"lost", "gone"});
}

TEST_CASE("only a ready group's own tasks are given back") {
  GroupTest test{1};
  test.become_ready({"nodeA"});
  CHECK(test.group->can_recall());
  test.group->recall(7);
  CHECK(test.hub.run_until([&] { return test.guards[0]->got(FrameType::recall); }));
  test.guards[0]->send(FrameType::recalled, task_key(99, 3));  // of another group
  test.guards[0]->send(FrameType::recalled, task_key(1, 5));
  CHECK(test.hub.run_until([&] { return !test.owner.told.empty(); }));
  CHECK(test.owner.told == Told{"recalled from 5"});
}

TEST_CASE("a rank answers the tasks that it has not given back, and no others") {
  GroupTest test{1};
  test.become_ready({"nodeA"});
  for (int i = 0; i < 7; ++i) test.group->send(Task{farm::CodeAddress{1, 2}, "call"}, TaskHeader{});
  test.group->recall(7);
  CHECK(test.hub.run_until([&] { return test.guards[0]->got(FrameType::recall); }));
  test.guards[0]->send(FrameType::recalled, task_key(1, 5));
  CHECK(test.hub.run_until([&] { return test.owner.was_told("recalled from 5"); }));
  AnswerHeader const header{};
  std::string const answer{reinterpret_cast<char const*>(&header), sizeof header};
  for (int i = 0; i < 5; ++i) test.ranks[0]->send(FrameType::value, 0, answer);
  test.hub.settle();
  CHECK_FALSE(test.owner.was_told("lost"));
  test.ranks[0]->send(FrameType::value, 0, answer);
  CHECK(test.hub.run_until([&] { return test.owner.was_told("lost"); }));
}

TEST_CASE("what a rank prints is printed by the hub") {
  GroupTest test{1};
  test.become_ready({"nodeA"});
  test.guards[0]->send(FrameType::output, 2, "a line\n");
  CHECK(test.hub.run_until([&] { return !test.hub.printed.empty(); }));
  CHECK(test.hub.printed == "2:a line\n");
}
