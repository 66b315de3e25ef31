// A group that comes back from an earlier master, between a fake hub and fake ranks and guards.
#include "spawn/group/group.hpp"
#include "spawn/succession/reports.hpp"
#include "tests/spawn/fake_hub.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

using namespace farm::testing;

namespace {

LoggedTask task(std::uint64_t index) { return {.index = index, .id = 50 + index, .tag = 1 + index, .attempt = 1}; }

/// A group of an earlier master, which the test's processes come back to.
struct ReturnTest {
  explicit ReturnTest(int size) : group(std::make_shared<Group>(hub, 1, Request{.ranks = size}, owner)) {
    group->expect_return();
  }
  ~ReturnTest() {
    for (auto& process : processes) process.die();
    hub.settle();
  }

  FakeProcess& come_back(int rank, bool is_guard) {
    Socket socket{hub.loop};
    auto& process = processes.emplace_back(hub.loop, socket);
    auto hello = hello_of(rank, is_guard);
    hello.returns = true;
    group->attach(hello, std::move(socket));
    return process;
  }
  /// A guard whose rank has begun and answered so many tasks.
  FakeProcess& guard(int rank, std::uint64_t begun, std::uint64_t answered) {
    auto& process = come_back(rank, true);
    GuardReport report{.masters = 1, .begun = begun};
    report.log.answered = answered;
    if (begun > 0) report.log.latest = task(begun - 1);
    process.send(FrameType::returned, 0, farm::pack(report));
    hub.settle();
    return process;
  }
  FakeProcess& rank(int rank, std::uint64_t begun, std::vector<LoggedTask> const& received = {}) {
    auto& process = come_back(rank, false);
    process.send(FrameType::rejoined, 0, farm::pack(RankReport{.begun = begun, .received = received}));
    hub.settle();
    return process;
  }
  void send(std::uint64_t tag) {
    farm::detail::Task sent{{}, "call"};
    sent.make_rare().tag = tag;
    group->send(sent, {});
    hub.settle();
  }

  FakeHub hub;
  FakeOwner owner;
  std::shared_ptr<Group> group;
  std::deque<FakeProcess> processes;
};

ResumeHeader resume_of(FakeProcess& process) {
  std::string_view payload = process.payloads.at(FrameType::resume);
  return farm::detail::take<ResumeHeader>(payload);
}

}  // namespace

TEST_CASE("a group has returned when all its guards have reported, whatever its ranks do") {
  ReturnTest test{2};
  test.guard(0, 1, 0);
  test.rank(1, 1);
  CHECK(test.owner.told.empty());
  test.guard(1, 1, 1);
  CHECK(test.owner.told == std::vector<std::string>{"returned"});
  CHECK(test.group->is_complete());
}

TEST_CASE("ranks are told how to go on, those that come later, too; what they are sent meanwhile waits") {
  ReturnTest test{2};
  test.guard(0, 3, 3);
  test.guard(1, 3, 2);
  auto& early = test.rank(0, 3);
  CHECK_FALSE(early.got(FrameType::resume));
  test.group->resume(3);
  test.hub.settle();
  REQUIRE(early.got(FrameType::resume));
  CHECK(resume_of(early).begin_to == 3);
  CHECK(resume_of(early).masters == 1);
  test.send(9);
  CHECK(early.got(FrameType::task));
  auto& late = test.rank(1, 3);
  REQUIRE(late.frames.size() == 2);
  CHECK(late.frames[0] == FrameType::resume);
  CHECK(late.frames[1] == FrameType::task);
  late.send(FrameType::value, 52, "answer");
  test.hub.settle();
  CHECK(test.owner.was_told("answer of 1: answer"));
}

TEST_CASE("a rank that runs behind goes on if it has received what others have begun; else the group is lost") {
  bool const has_received = GENERATE(true, false);
  ReturnTest test{2};
  test.guard(0, 3, 2);
  test.guard(1, 2, 2);
  test.group->resume(3);
  auto& behind = test.rank(1, 2, has_received ? std::vector{task(2)} : std::vector<LoggedTask>{});
  CHECK(behind.got(FrameType::resume) == has_received);
  CHECK(test.owner.was_told("lost") == !has_received);
  if (!has_received) CHECK_THAT(test.owner.why, contains("it has not received task 2 of the group"));
}

TEST_CASE("a rank that has ended while there was no master counts as lost once its answers are heard") {
  ReturnTest test{1};
  auto& guard = test.guard(0, 2, 1);
  guard.send(FrameType::exited, 0, farm::pack(ExitReport{.signal = 11}));
  test.hub.settle();
  CHECK(test.owner.told == std::vector<std::string>{"returned"});
  test.group->resume(2);
  CHECK(test.hub.run_until([&] { return test.owner.was_told("lost"); }));
  CHECK_THAT(test.owner.why, contains("was ended by signal 11"));
}

TEST_CASE("ranks of another build are told apart, and no process comes back twice") {
  ReturnTest test{1};
  Socket socket{test.hub.loop};
  auto& process = test.processes.emplace_back(test.hub.loop, socket);
  auto hello = hello_of(0, true);
  hello.returns = true;
  hello.build_id = "another";
  test.group->attach(hello, std::move(socket));
  CHECK(test.group->is_foreign());
  CHECK_THROWS_AS(test.come_back(0, true), ProtocolError);
  static_cast<void>(process);
}

TEST_CASE("a group whose guard breaks off before the group was taken over does not go on") {
  ReturnTest test{2};
  auto& guard = test.guard(0, 1, 1);
  guard.die();
  CHECK(test.hub.run_until([&] { return test.owner.was_told("start failed"); }));
}
