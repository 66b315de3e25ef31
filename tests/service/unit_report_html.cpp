#include "spawn/program/report/html/html_page.hpp"
#include "spawn/program/report/html/job_report.hpp"
#include "spawn/program/report/html/svg_timeline.hpp"
#include "spawn/program/report/trace_html.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace farm::detail;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

/// Fails unless each element is closed, in the right order, and nothing is there that runs or loads.
void check_page(std::string const& html) {
  std::vector<std::string> open;
  REQUIRE(html.starts_with("<!doctype html>"));
  for (auto at = html.find("<html"); at != std::string::npos; at = html.find('<', at + 1)) {
    if (html.compare(at, 7, "<style>") == 0) {
      at = html.find("</style>", at);
      continue;
    }
    auto const end = html.find('>', at);
    auto const tag = html.substr(at + 1, end - at - 1);
    auto const name = tag.substr(0, tag.find_first_of(" /", 1));
    CAPTURE(tag);
    if (tag.starts_with('/')) {
      REQUIRE_FALSE(open.empty());
      CHECK("/" + open.back() == tag);
      open.pop_back();
    } else if (!tag.ends_with('/') && name != "meta") {
      open.push_back(name);
    }
    CHECK(name != "script");
    for (auto const* word : {" src=", " href=", " onload", " style="}) CHECK_FALSE(has(tag, word));
  }
  CHECK(open.empty());
}

JobReply some_job() {
  JobReply job;
  job.job = 5;
  job.name = "<sweep> & \"more\"";
  job.function = "heat";
  job.state = TaskState::failed;
  job.ranks = 2;
  job.tasks = 4;
  job.submitted = 1000;
  job.started = 1001;
  job.ended = 1011;
  job.counts[static_cast<std::size_t>(TaskState::finished)] = 3;
  job.counts[static_cast<std::size_t>(TaskState::failed)] = 1;
  return job;
}

TaskReply task_of(std::uint64_t number, double begin, double seconds, std::uint64_t group) {
  TaskReply task;
  task.job = 5;
  task.task = number;
  task.state = TaskState::finished;
  task.input = "{\"alpha\": 0.5}";
  task.attempts = 1;
  task.started = 1001 + begin;
  task.ended = 1001 + begin + seconds;
  task.seconds = seconds;
  task.group = group;
  task.hosts = "node1";
  return task;
}

}  // namespace

TEST_CASE("text of others cannot be markup in a report") {
  CHECK(escaped_html("<b a=\"x\" b='y'>&amp;") == "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
  CHECK(escaped_html("a\nb\tc") == "a\nb\tc");
  auto const replaced = std::string{"\xef\xbf\xbd"};
  CHECK(escaped_html("\x1b[31m") == replaced + "[31m");
  CHECK(escaped_html("\xff\xc0\xaf") == replaced + replaced + replaced);
  CHECK(escaped_html("\xe2\x80\xae") == replaced + replaced + replaced);  // turns the direction of text
  CHECK(escaped_html("\xed\xa0\x80") == replaced + replaced + replaced);  // half of a pair of UTF-16
  CHECK(escaped_html("\xc3\xbc\xf0\x9f\x9a\x80") == "\xc3\xbc\xf0\x9f\x9a\x80");
  CHECK(escaped_html("\xf0\x9f") == replaced + replaced);
}

TEST_CASE("a job becomes a page with its groups, failures and slowest tasks") {
  auto const page = job_report(
      some_job(),
      [](auto const& use) {
        use(task_of(0, 0, 2, 1));
        use(task_of(1, 0, 5, 2));
        auto failed = task_of(2, 2, 1, 1);
        failed.state = TaskState::failed;
        failed.attempts = 3;
        failed.error =
            TaskFailure{.type = "std::runtime_error", .text = "no <convergence>", .rank = 1, .host = "node7"};
        use(failed);
        use(task_of(3, 3, 4, 1));
      },
      2000);
  check_page(page);
  CHECK(has(page, "<title>Job 5, &lt;sweep&gt; &amp; &quot;more&quot;</title>"));
  CHECK(has(page, "4: 3 finished, 1 failed"));
  CHECK(has(page, "no &lt;convergence&gt;"));
  CHECK(has(page, "std::runtime_error, rank 1 on node7"));
  CHECK(has(page, "2.00 s (median), 5.00 s (90 %), 5.00 s (longest)"));
  CHECK(has(page, "aria-label=\"group 1, node1: busy 70 %\""));
  CHECK(has(page, "class=\"failed\" x=\"200.00\" width=\"100.00\""));
  CHECK(has(page, "<dt>Further attempts</dt><dd>2</dd>"));
}

TEST_CASE("a job of very many tasks becomes a page that is small") {
  auto job = some_job();
  job.tasks = 100'000;
  auto const page = job_report(
      job,
      [](auto const& use) {
        for (std::uint64_t i = 0; i < 100'000; ++i) use(task_of(i, static_cast<double>(i / 4) * 4e-4, 2e-4, 1 + i % 4));
      },
      2000);
  check_page(page);
  CHECK(page.size() < 400'000);
  CHECK(has(page, "aria-label=\"group 4, node1: busy 50 %\""));
  CHECK(has(page, "opacity=\"0.50\""));
}

TEST_CASE("a job that has not begun becomes a page, too") {
  auto job = some_job();
  job.state = TaskState::waiting;
  job.started.reset();
  job.ended.reset();
  auto const page = job_report(
      job, [](auto const&) {}, 2000);
  check_page(page);
  CHECK(has(page, "waiting, as of "));
}

TEST_CASE("a trace becomes a page with all that the report tells") {
  TraceStatistics statistics;
  statistics.submitted = 3;
  statistics.done = 2;
  statistics.outcomes[TracedOutcome::value] = 2;
  statistics.functions = {{.name = "f<int>", .tasks = 3, .median = 1000, .longest = 2000, .rank_time = 3000}};
  statistics.slowest = {{.function = "f<int>", .name = "n", .task = 1, .group = 1, .host = "h", .time = 2000}};
  statistics.phases = {{.name = "running", .median = 1, .in_90_percent = 2, .in_99_percent = 3, .longest = 4}};
  statistics.column_width = 1000;
  statistics.timeline = {{.name = "all ranks", .busy = {0, 1, 0.5}, .starting = {1, 0, 0}, .present = {1, 1, 1}}};
  auto const page = trace_html(statistics, "run.json");
  check_page(page);
  for (auto const* part : {"Report of run.json", "3: 2 with a value, 1 not done", "f&lt;int&gt;", "unfinished",
                           "aria-label=\"all ranks: busy 50.0 %\"", "class=\"starting\""}) {
    CAPTURE(part);
    CHECK(has(page, part));
  }
}
