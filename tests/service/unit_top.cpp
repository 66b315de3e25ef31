#include "spawn/program/service/top/screen_text.hpp"
#include "spawn/program/service/top/top_screen.hpp"
#include "spawn/program/service/top/top_state.hpp"
#include "spawn/program/service/top/top_view.hpp"
#include "tests/support/catch.hpp"

#include <farm/service_error.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace farm::detail;  // NOLINT(google-build-using-namespace)

constexpr double start = 1'700'000'000;

JobReply job_with(std::uint64_t number, TaskState state, std::uint64_t finished, std::uint64_t failed,
                  std::uint64_t waiting) {
  JobReply job;
  job.job = number;
  job.state = state;
  job.function = "calc";
  job.ranks = 2;
  job.tasks = finished + failed + waiting;
  job.counts[static_cast<std::size_t>(TaskState::finished)] = finished;
  job.counts[static_cast<std::size_t>(TaskState::failed)] = failed;
  job.counts[static_cast<std::size_t>(TaskState::waiting)] = waiting;
  return job;
}

TopState some_state() {
  TopState state;
  state.time = start + 100;
  state.server.program = "/usr/bin/farm";
  state.server.host = "node1";
  state.server.source = "spawned";
  state.server.slots = "16 slots of the launcher";
  state.server.max_ranks = 16;
  state.server.since = start;
  state.server.rate = 1234;
  state.server.counts[static_cast<std::size_t>(TaskState::waiting)] = 1'000'000;
  state.jobs = {job_with(1, TaskState::finished, 4, 0, 0), job_with(2, TaskState::running, 10, 3, 7),
                job_with(3, TaskState::waiting, 0, 0, 5)};
  state.jobs[1].name = "a sweep";
  state.jobs[1].rate = 2.5;
  state.jobs[1].seconds_left = 200;
  state.jobs[1].first_error =
      TaskFailure{.task = 5, .type = "x", .text = "it\nbroke \x1b[31mred", .rank = 1, .host = "node2"};
  state.groups = {{.group = 1,
                   .ranks = 2,
                   .hosts = "node1",
                   .state = "running",
                   .task = TaskName{2, 7},
                   .attempt = 2,
                   .since = start + 90,
                   .progress = 0.25,
                   .tasks = 12},
                  {.group = 2, .ranks = 2, .hosts = "node2", .state = "idle", .tasks = 90}};
  return state;
}

std::size_t line_with(std::vector<std::string> const& lines, std::string const& text) {
  auto const found =
      std::find_if(lines.begin(), lines.end(), [&](auto const& line) { return line.find(text) != std::string::npos; });
  CAPTURE(text, lines);
  REQUIRE(found != lines.end());
  return static_cast<std::size_t>(found - lines.begin());
}

TEST_CASE("top shows tasks, ranks, jobs, groups and failures") {
  TopView view;
  view.width = 120;
  view.height = 30;
  auto const lines = top_lines(some_state(), view);
  CHECK(lines.size() == 30);
  CHECK(lines.front().find("farm on node1: spawned, 16 slots of the launcher, for 1 min 40 s") == 0);
  line_with(lines, "1,000,000 waiting");
  line_with(lines, "4 in 2 groups, of 16; busy  50 % [#####.....]  1,234 tasks/s");
  auto const row = lines[line_with(lines, "a sweep")];
  for (auto const* part : {"running", "13/20", "3", "2.5", "3 min 20 s"}) CHECK(row.find(part) != std::string::npos);
  auto const group = lines[line_with(lines, "2.7")];
  for (auto const* part : {"node1", "10 s", "25 %", "attempt 2", "a sweep"})
    CHECK(group.find(part) != std::string::npos);
  CHECK(lines[line_with(lines, "2.5 rank 1 on node2")].find(R"(it\nbroke \x1b[31mred)") != std::string::npos);
  CHECK(lines.back().find("q quit") == 0);
}

TEST_CASE("top fits any terminal, with and without colours") {
  auto state = some_state();
  for (std::uint64_t i = 3; i < 1000; ++i)
    state.groups.push_back({.group = i, .ranks = 4, .hosts = "h", .state = "idle"});
  state.jobs[1].name = "\xe8\xae\xa1\xe7\xae\x97 \xc3\xbc";  // two wide characters, and one with an umlaut
  state.jobs[2].why = "waits for something that takes a very long time to tell, much longer than a line";
  for (std::size_t const height : {1U, 2U, 5U, 10U, 24U, 60U}) {
    for (std::size_t const width : {1U, 10U, 40U, 80U, 99U, 100U, 200U}) {
      for (bool const is_utf8 : {true, false}) {
        TopView view;
        view.width = width;
        view.height = height;
        view.is_utf8 = is_utf8;
        auto const lines = top_lines(state, view, "the server does not answer");
        CAPTURE(height, width, is_utf8);
        CHECK(lines.size() == height);
        for (auto const& line : lines) {
          CHECK(columns_of(line) <= width);
          CHECK(line.find('\x1b') == std::string::npos);
          if (!is_utf8) CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
        }
      }
    }
  }
  TopView view;
  view.has_colours = true;
  auto const lines = top_lines(state, view);
  for (auto const& line : lines) {
    if (line.find("\x1b[31m") != std::string::npos) CHECK(line.rfind("\x1b[0m") > line.rfind("\x1b[31m"));
  }
  line_with(lines, "\x1b[31m");
}

TEST_CASE("top shows everything if it prints once") {
  auto state = some_state();
  for (std::uint64_t i = 3; i <= 1000; ++i)
    state.groups.push_back({.group = i, .ranks = 4, .hosts = "h", .state = "idle"});
  TopView view;
  view.height = 0;
  auto const lines = top_lines(state, view);
  CHECK(lines.size() > 1000);
  CHECK(lines.back().find("q quit") == std::string::npos);
  line_with(lines, "  1000 ");
}

TEST_CASE("top sorts and scrolls its lists as the keys say") {
  auto const state = some_state();
  TopView view;
  auto const first_job = [&] { return ordered_jobs(state, view.job_order).front()->job; };
  CHECK(first_job() == 3);  // the newest that has not ended
  apply_key(view, TopKey::sort, state);
  CHECK(first_job() == 2);  // most failures
  CHECK(ordered_jobs(state, view.job_order).back()->job == 1);
  apply_key(view, TopKey::down, state);
  apply_key(view, TopKey::down, state);
  apply_key(view, TopKey::down, state);
  CHECK(view.first_job == 2);
  apply_key(view, TopKey::home, state);
  CHECK(view.first_job == 0);
  apply_key(view, TopKey::other_list, state);
  apply_key(view, TopKey::sort, state);
  apply_key(view, TopKey::sort, state);
  CHECK(ordered_groups(state, view.group_order).front()->group == 2);
  apply_key(view, TopKey::sort, state);
  CHECK(view.group_order == GroupOrder::number);
  apply_key(view, TopKey::page_down, state);
  CHECK(view.first_group == 1);
  CHECK(view.first_job == 0);
}

TEST_CASE("top takes keys apart, however the terminal sends them") {
  std::string bytes = "x\x1b[Aj\x1b[6~\x1bOB\x1b[99;99uq";
  std::vector<TopKey> keys;
  for (auto key = take_key(bytes); key != TopKey::none; key = take_key(bytes)) keys.push_back(key);
  CHECK(keys == std::vector{TopKey::up, TopKey::down, TopKey::page_down, TopKey::down, TopKey::quit});
  bytes = "\x1b[";
  CHECK(take_key(bytes) == TopKey::none);
  bytes += "5~";
  CHECK(take_key(bytes) == TopKey::page_up);
  CHECK(bytes.empty());
}

TEST_CASE("the groups of an answer are read, and another answer is refused") {
  auto const groups = read_groups(
      R"({"groups":[{"group":2,"ranks":4,"hosts":["b","a","b"],"state":"running","job":5,"task":7,"attempt":1,"since":12.5,)"
      R"("progress":0.5,"tasks":3,"taken_over":true},{"group":1,"ranks":1,"hosts":[],"state":"starting","job":null,)"
      R"("task":null,"attempt":null,"since":null,"progress":null,"tasks":0,"taken_over":false}]})");
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].group == 1);
  CHECK_FALSE(groups[0].task);
  CHECK(groups[1].hosts == "a,b");
  CHECK(groups[1].task == TaskName{5, 7});
  CHECK(count_ranks(groups).busy == 4);
  CHECK_THROWS_AS(read_groups("{}"), farm::ServiceError);
  CHECK_THROWS_AS(read_groups("no JSON"), farm::ServiceError);
}

TEST_CASE("numbers and times of top are short") {
  CHECK(short_duration(0.04) == "0.0 s");
  CHECK(short_duration(75) == "75 s");
  CHECK(short_duration(200) == "3 min 20 s");
  CHECK(short_duration(7300) == "2 h 1 min");
  CHECK(short_duration(200000) == "2 d 7 h");
  CHECK(short_number(1234.4) == "1,234");
  CHECK(short_number(0.5) == "0.50");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(999) == "999");
  CHECK(cut_text("abcdef", 4, true) == "abc~");
  CHECK(cut_text("\xc3\xbc\xc3\xbc", 2, true) == "\xc3\xbc\xc3\xbc");
  CHECK(cut_text("\xc3\xbc\xff", 2, false) == "??");
}

}  // namespace
