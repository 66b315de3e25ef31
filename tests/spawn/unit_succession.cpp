// What groups leave to the next master: logs of answers, reports, and what is made of them.
#include "core/task/frame.hpp"
#include "spawn/guard/kept_output.hpp"
#include "spawn/guard/shared_page.hpp"
#include "spawn/succession/answer_log.hpp"
#include "spawn/succession/launch_record.hpp"
#include "spawn/succession/reports.hpp"
#include "tests/support/catch.hpp"

#include <unistd.h>
#include <string>
#include <vector>

using namespace farm::detail;

namespace {

LoggedTask task(std::uint64_t index, std::uint64_t tag) {
  return {.index = index, .id = 100 + index, .tag = tag, .attempt = 1};
}

void answer(AnswerLog& log, std::uint64_t index, std::uint64_t tag, std::string const& frames) {
  log.note(task(index, tag));
  log.add(frames);
}

LogContent content(AnswerLog const& log) { return AnswerLogView{getpid(), log.descriptor()}.read(true); }

std::vector<std::uint64_t> indices(LogContent const& content) {
  std::vector<std::uint64_t> found;
  for (auto const& each : content.answers) found.push_back(each.task.index);
  return found;
}

/// A rank that has begun the tasks before `begun`, and answered those before `answered`, of which it keeps those from
/// `kept` on.
GuardReport report(std::uint64_t kept, std::uint64_t answered, std::uint64_t begun) {
  GuardReport report{.masters = 1, .begun = begun};
  report.log.answered = answered;
  for (auto index = kept; index < answered; ++index) report.log.answers.push_back({task(index, index + 1), "frames"});
  report.log.latest = task(begun - 1, begun);
  report.log.last_id = 100 + begun - 1;
  return report;
}

}  // namespace

TEST_CASE("a log keeps answers until they are confirmed, however large they are and in whatever order") {
  AnswerLog log;
  std::string const large(300'000, 'x');
  for (std::uint64_t i = 0; i < 50; ++i) answer(log, i, i + 1, i % 10 == 0 ? large : "small " + std::to_string(i));
  auto const all = content(log);
  CHECK(all.answers.size() == 50);
  CHECK(all.answers[10].frames == large);
  CHECK(all.answers[11].frames == "small 11");
  CHECK(all.answered == 50);
  CHECK(all.last_id == 149);
  log.confirm({3, 1, 0, 2, 20});
  CHECK(indices(content(log)).front() == 4);
  CHECK(indices(content(log)).size() == 45);
  std::vector<std::uint32_t> rest;
  for (std::uint32_t i = 4; i < 50; ++i) rest.push_back(i);
  log.confirm(rest);
  CHECK(content(log).answers.empty());
  answer(log, 50, 7, "again");
  CHECK(content(log).answers.at(0).frames == "again");
}

TEST_CASE("a log stays small while its answers are confirmed, though it never is empty") {
  AnswerLog log;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    answer(log, i, i + 1, "an answer of some size");
    if (i > 10) log.confirm({static_cast<std::uint32_t>(i - 10)});
  }
  CHECK(content(log).answers.size() == 11);  // task 0 was not confirmed
  log.confirm({0});
  CHECK(content(log).answers.size() == 10);
}

TEST_CASE("a log has no answer that was confirmed before it was given, and none of a task without a tag") {
  AnswerLog log;
  log.note(task(0, 5));
  log.confirm({0});
  log.add("frames");
  answer(log, 1, 0, "frames");
  CHECK(content(log).answers.empty());
  CHECK(content(log).answered == 2);
}

TEST_CASE("a rank hands over the answers that its next master lacks") {
  AnswerLog log;
  for (std::uint64_t i = 0; i < 5; ++i) answer(log, i, i + 1, std::to_string(i));
  std::string sent;
  log.each_from(3, [&](std::string_view frames) { sent += frames; });
  CHECK(sent == "34");
}

TEST_CASE("a rank that has lost its master begins none of its tasks, and the guard knows which it has begun") {
  SharedPage page;
  auto const key = [](std::uint64_t index) { return task_key(9, index); };
  CHECK(page.begin(key(0), 0) == SharedPage::Begin::begun);
  CHECK(page.begin(key(1), 0) == SharedPage::Begin::begun);
  CHECK(page.lose_master() == 2);
  CHECK(page.begin(key(2), 0) == SharedPage::Begin::held);
  CHECK(page.begin(key(2), 1) == SharedPage::Begin::begun);
  CHECK(page.recall(key(9)) == key(3));
  CHECK(page.begin(key(4), 1) == SharedPage::Begin::recalled);
  CHECK(page.lose_master() == 3);
  CHECK(page.begin(key(4), 2) == SharedPage::Begin::begun);  // a recall of an earlier master is of no account
}

TEST_CASE("a group goes on with the tasks that its ranks run, or have answered without a confirmation") {
  auto const idle = inheritance_of({report(4, 4, 4), report(4, 4, 4)});
  CHECK(idle.disagreement.empty());
  CHECK(idle.tasks.empty());
  CHECK(idle.begin_to == 4);
  auto const running = inheritance_of({report(3, 5, 5), report(3, 4, 5)});
  CHECK(running.disagreement.empty());
  REQUIRE(running.tasks.size() == 2);
  CHECK(running.first == 3);
  CHECK(running.begin_to == 5);
  CHECK(running.tasks[0].answered);
  CHECK_FALSE(running.tasks[1].answered);
  CHECK(running.last_id == 104);
  CHECK(running.masters == 1);
}

TEST_CASE("what one rank has forgotten was confirmed, so that the other ranks forget it, too") {
  auto const inheritance = inheritance_of({report(2, 5, 5), report(4, 5, 5)});
  CHECK(inheritance.disagreement.empty());
  CHECK(inheritance.first == 4);
  CHECK(inheritance.tasks.size() == 1);
}

TEST_CASE("a rank that runs behind begins what the others have begun, if it has received it") {
  auto const inheritance = inheritance_of({report(3, 3, 4), report(3, 3, 3)});
  CHECK(inheritance.disagreement.empty());
  CHECK(inheritance.begin_to == 4);
  CHECK(why_stuck({.begun = 3, .received = {task(3, 4), task(4, 5)}}, inheritance.begin_to).empty());
  CHECK(why_stuck({.begun = 4}, inheritance.begin_to).empty());
  CHECK_THAT(why_stuck({.begun = 3}, inheritance.begin_to), contains("it has not received task 3 of the group"));
}

TEST_CASE("a group whose ranks tell different things cannot go on") {
  auto other = report(3, 4, 4);
  other.log.answers[0].task.tag = 77;
  CHECK_FALSE(inheritance_of({report(3, 4, 4), other}).disagreement.empty());
  auto unknown = report(3, 3, 4);
  unknown.log.latest.index = 9;
  CHECK_FALSE(inheritance_of({report(3, 3, 4), unknown}).disagreement.empty());
}

TEST_CASE("a group of one rank may have been sent tasks that were recalled") {
  auto single = report(2, 3, 3);
  single.begun = 8;
  single.log.latest = task(7, 8);
  auto const inheritance = inheritance_of({single});
  CHECK(inheritance.disagreement.empty());
  REQUIRE(inheritance.tasks.size() == 2);
  CHECK(inheritance.tasks[1].task.index == 7);
  CHECK(inheritance.begin_to == 8);
}

TEST_CASE("reports travel as bytes") {
  auto const sent = report(1, 3, 4);
  auto const got = farm::unpack<GuardReport>(farm::pack(sent));
  CHECK(got.begun == 4);
  CHECK(got.log.answers.size() == 2);
  CHECK(got.log.answers[1].frames == "frames");
  REQUIRE(got.running());
  CHECK(got.running()->tag == 4);
}

TEST_CASE("a guard keeps the latest output while there is no master, and tells how much it has dropped") {
  KeptOutput kept;
  std::string const line(999, 'x');
  for (int i = 0; i < 5000; ++i) kept.add(1, line + "\n", false);
  kept.add(1, "the last line\n", false);
  auto const frames = kept.take();
  CHECK(frames.size() < (std::size_t{3} << 20U));
  CHECK_THAT(frames,
             contains("bytes of output were dropped while there was no server\n") && contains("the last line\n"));
  CHECK(kept.take().empty());
  kept.add(2, "all of it\n", true);
  CHECK_THAT(kept.take(), !contains("dropped") && contains("all of it\n"));
}

TEST_CASE("the record of a group has all that the next master needs") {
  LaunchRecord const record{.request = {.ranks = 3, .threads = 2, .gpus = 1, .memory = 5, .named = {{"licence", 2}}},
                            .placement = {{"nodeA", 2, -1}, {"nodeB", 1, 0}},
                            .launcher = "mpiexec",
                            .host = "nodeA",
                            .process = 17,
                            .started = 12345,
                            .has_own_job = true};
  auto const read = read_launch_record(to_json(record));
  CHECK(read.request == record.request);
  CHECK(to_text(read.placement) == to_text(record.placement));
  CHECK(read.placement[1].component == 0);
  CHECK(read.started == 12345);
  CHECK(read.has_own_job);
  for (auto const* const text : {"", "{}", "nonsense", R"({"ranks": "many"})"}) CHECK_THROWS(read_launch_record(text));
}

TEST_CASE("the time at which a process was started tells whether it still is the same") {
  CHECK(start_of_process(getpid()) != 0);
  CHECK(start_of_process(getpid()) == start_of_process(getpid()));
  CHECK(start_of_process(0) == 0);
}
