// --trace, FARM_TRACE and farm report.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

Outcome named(std::string const& arguments) { return run(in_mpiexec(5, std::string{NAMED_TASKS} + " " + arguments)); }

/// Throws if the file is not JSON.
Json read(std::string const& file) { return Json::parse(std::ifstream{file}); }

std::vector<Json> of_kind(Json const& trace, std::string const& kind) {
  std::vector<Json> events;
  for (auto const& event : trace) {
    if (event.value("cat", "") == kind) events.push_back(event);
  }
  return events;
}

/// Returns what `report --json` prints about the trace.
Json report_of(std::string const& file) {
  auto const outcome = run(FARM_PROGRAM " report " + file + " --json");
  CHECK(outcome.status == 0);
  return Json::parse(outcome.out);
}

double end_of(Json const& event) { return event["ts"].get<double>() + event["dur"].get<double>(); }

}  // namespace

TEST_CASE("a trace is JSON and has each task once for each of its ranks, with its times in order") {
  CHECK(named("map sum '[1]' '[2]' '[3]' '[4]' '[5]' --ranks-per-task 2 --trace trace.json").status == 0);
  auto const trace = read("trace.json");
  std::map<int, std::set<int>> ranks_of;
  for (auto const& task : of_kind(trace, "task")) {
    CAPTURE(task.dump());
    CHECK(ranks_of[task["args"]["task"].get<int>()].insert(task["tid"].get<int>()).second);
    CHECK(task["name"] == "sum");
    CHECK(task["args"]["outcome"] == "value");
    CHECK(task["args"]["attempt"] == 1);
    std::vector<double> times;
    for (auto const* const name : {"queued", "sent", "started", "ended", "received"})
      times.push_back(task["args"][name].get<double>());
    CHECK(std::is_sorted(times.begin(), times.end()));
    CHECK(task["ts"] == task["args"]["started"]);
  }
  CHECK(ranks_of.size() == 5);
  for (auto const& [task, ranks] : ranks_of) CHECK(ranks == std::set{0, 1});
}

TEST_CASE("in a trace each rank does one thing at a time: its start, then tasks") {
  CHECK(named("map scale 1 2 3 4 5 6 7 8 --trace trace.json").status != 0);  // the task takes two arguments
  CHECK(named("map greet a b c d e f --trace trace.json").status == 0);
  auto const trace = read("trace.json");
  std::map<std::pair<int, int>, std::vector<Json>> lanes;
  for (auto const& event : trace) {
    auto const kind = event.value("cat", "");
    if (event["ph"] == "X" && (kind == "task" || kind == "group")) lanes[{event["pid"], event["tid"]}].push_back(event);
  }
  CHECK_FALSE(lanes.empty());
  for (auto& [place, events] : lanes) {
    std::sort(events.begin(), events.end(), [](Json const& a, Json const& b) { return a["ts"] < b["ts"]; });
    CHECK(events.front()["name"] == "birth");
    for (std::size_t i = 1; i < events.size(); ++i)
      CHECK(events[i]["ts"].get<double>() + 0.001 >= end_of(events[i - 1]));
  }
}

TEST_CASE("a trace shows the loss of a group and the further attempts") {
  auto const outcome = named("map killed_by_two 1 2 3 --max-ranks 1 --trace trace.json");
  CHECK(outcome.status != 0);
  auto const trace = read("trace.json");
  CHECK(of_kind(trace, "loss").size() == 3);
  CHECK(of_kind(trace, "retry").size() == 2);
  std::vector<int> attempts;
  std::size_t values = 0;
  for (auto const& task : of_kind(trace, "task")) {
    if (task["args"]["outcome"] == "lost") attempts.push_back(task["args"]["attempt"]);
    if (task["args"]["outcome"] == "value") ++values;
  }
  CHECK(attempts == std::vector{1, 2, 3});
  CHECK(values == 2);
  auto const report = run(FARM_PROGRAM " report trace.json");
  CHECK(report.status == 0);
  CHECK_THAT(report.out, contains("3 tasks, 2 with a value, 1 lost with their group"));
  CHECK_THAT(report.out, contains("3 lost; 2 further attempts"));
}

#ifdef ARRAY_CHAIN  // the examples are built
TEST_CASE("any program writes a trace if FARM_TRACE is set, with the arrays that it stages") {
  CHECK(run("FARM_TRACE=trace.json " + in_mpiexec(5, ARRAY_CHAIN)).status == 0);
  std::set<std::string> names;
  for (auto const& span : of_kind(read("trace.json"), "stage")) {
    names.insert(span["name"]);
    CHECK(span["args"]["bytes"].get<double>() > 0);
  }
  CHECK(names.count("publish") == 1);
  CHECK_THAT(run(FARM_PROGRAM " report trace.json").out, contains("arrays, publish: "));
}
#endif

TEST_CASE("the trace of a killed master has each task that ended a second before") {
  // the master is killed while the second task runs, which leaves its first task a second to reach the file
  static_cast<void>(
      run("timeout -s KILL 5 " + std::string{NAMED_TASKS} + " map nap 0 60 --max-ranks 2 --trace killed.json"));
  std::ifstream file{"killed.json"};
  std::string const text{std::istreambuf_iterator<char>{file}, {}};
  CHECK(text.find(R"("cat":"task")") != std::string::npos);
  CHECK(text.find(']') == std::string::npos);
}

TEST_CASE("a trace that cannot be written is reported in one line, before any task runs") {
  auto const outcome = named("map greet a --trace /nowhere/trace.json");
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  REQUIRE(outcome.complaints().size() == 1);
  CHECK_THAT(outcome.complaints()[0], contains("/nowhere/trace.json cannot be written: No such file or directory"));
}

TEST_CASE("a report shows percentiles, shares and starts, even of a truncated trace") {
  CHECK(named("map greet a b c d --max-ranks 2 --trace trace.json").status == 0);
  auto const whole = run(FARM_PROGRAM " report trace.json");
  CHECK(whole.status == 0);
  for (auto const* const text : {"4 tasks, 4 with a value", "median", "99 %", "running", "busy share",
                                 "2 groups were started", " ranks on ", "rank-seconds", "timeline"})
    CHECK_THAT(whole.out, contains(text));
  CHECK_THAT(whole.out, !contains("unfinished"));
  CHECK(run("head -c -30 trace.json >cut.json; " FARM_PROGRAM " report cut.json").status == 0);
}

TEST_CASE("a report has a table of functions, the slowest tasks, hosts, groups and ranks, as text and as JSON") {
  CHECK(named("map not_two 1 2 3 --max-ranks 2 --trace trace.json").status == 1);
  auto const report = run(FARM_PROGRAM " report trace.json").out;
  CHECK_THAT(report, contains("\nnot_two       3       1  "));
  CHECK_THAT(report, contains("slowest tasks") && contains("group 1, rank 0"));
  auto const json = report_of("trace.json");
  CHECK(json["tasks"] == 3);
  CHECK(json["tasks_done"] == 3);
  CHECK(json["outcomes"] == Json{{"value", 2}, {"error", 1}});
  CHECK(json["functions"][0]["name"] == "not_two");
  CHECK(json["functions"][0]["failed"] == 1);
  std::set<std::string> names;
  for (auto const& task : json["slowest"]) names.insert(task["name"]);
  CHECK(names == std::set<std::string>{"input 0", "input 1", "input 2"});
  CHECK(json["hosts"].size() == 1);
  CHECK(json["groups"].size() == json["groups_started"]);
  CHECK(json["is_complete"] == true);
}

TEST_CASE("the trace of a killed master is told as unfinished, with the number of tasks that were submitted") {
  static_cast<void>(
      run("timeout -s KILL 5 " + std::string{NAMED_TASKS} + " map nap 0 60 60 --max-ranks 1 --trace killed.json"));
  auto const text = run(FARM_PROGRAM " report killed.json").out;
  CHECK(text.starts_with("unfinished trace: 1 of 3 tasks done"));
  CHECK_THAT(text, contains("3 tasks, 1 with a value, 2 not done"));
  auto const json = report_of("killed.json");
  CHECK(json["is_complete"] == false);
  CHECK(json["tasks"] == 3);
  CHECK(json["tasks_done"] == 1);
}

TEST_CASE("tasks that were cancelled count as cancelled, also those that never started") {
  // in the foreground: else timeout sends the signal a second time, to its process group, and farm leaves at once
  static_cast<void>(run("timeout --foreground -s TERM 5 " + std::string{NAMED_TASKS} +
                        " map nap 0 60 60 60 --max-ranks 1 --trace ended.json"));
  auto const json = report_of("ended.json");
  CHECK(json["is_complete"] == true);
  CHECK(json["outcomes"] == Json{{"value", 1}, {"cancelled", 3}});
  CHECK(json["functions"][0]["cancelled"] == 3);
  CHECK(json["functions"][0]["failed"] == 0);
  CHECK_THAT(run(FARM_PROGRAM " report ended.json").out, contains("4 tasks, 1 with a value, 3 cancelled"));
}

TEST_CASE("tasks that ran longer than their limit count as timed out") {
  CHECK(named("map nap 0 60 --max-ranks 2 --timeout 0.5 --trace trace.json").status == 1);
  auto const json = report_of("trace.json");
  CHECK(json["outcomes"] == Json{{"value", 1}, {"timeout", 1}});
  CHECK(json["functions"][0]["failed"] == 1);
  CHECK_THAT(run(FARM_PROGRAM " report trace.json").out, contains("2 tasks, 1 with a value, 1 timed out"));
}

TEST_CASE("a report tells long times in hours, names of tasks, and never more than its columns hold") {
  std::ofstream file{"long.json"};
  constexpr double hour = 3600e6;
  file << "[\n" << Json{{"ph", "M"}, {"name", "process_name"}, {"pid", 0}, {"tid", 0}}.dump();
  auto const add = [&](Json const& event) { file << ",\n" << event.dump(); };
  for (int rank = 0; rank < 2; ++rank) {
    add({{"name", "birth"},
         {"ph", "X"},
         {"pid", 1},
         {"tid", rank},
         {"cat", "group"},
         {"ts", 0},
         {"dur", 1e6},
         {"args", {{"host", rank == 0 ? "a" : "a-host-with-a-name-longer-than-any-column-was-made-for"}}}});
    add({{"name", "solve[abi:cxx11]"},
         {"ph", "X"},
         {"pid", 1},
         {"tid", rank},
         {"cat", "task"},
         {"ts", 1e6},
         {"dur", 10.6 * hour},
         {"args",
          {{"pool", 1},
           {"task", 123456789},
           {"attempt", 1},
           {"outcome", "value"},
           {"queued", 0},
           {"sent", 1e6},
           {"started", 1e6},
           {"ended", 1e6 + 10.6 * hour},
           {"received", 2e6 + 10.6 * hour},
           {"name", "mesh 7"}}}});
  }
  add({{"name", "tasks"},
       {"ph", "C"},
       {"pid", 0},
       {"tid", 0},
       {"cat", "count"},
       {"ts", 1e6},
       {"args", {{"submitted", 1}}}});
  file << "\n]\n";
  file.close();
  auto const report = run(FARM_PROGRAM " report long.json");
  CHECK(report.status == 0);
  CHECK_THAT(report.out, contains("10.6 h") && contains("rank-hours") && !contains("38160"));
  CHECK_THAT(report.out, contains("solve ") && !contains("[abi:"));
  CHECK_THAT(report.out, contains("mesh 7, a, with a value"));
  std::vector<std::size_t> widths;
  for (auto const& line : lines(report.out)) {
    if (line.find(" %") != std::string::npos && line.find("group") != 0 && line.find("rank-") == std::string::npos &&
        line.find("busy") == std::string::npos && line.find("90 %") == std::string::npos)
      widths.push_back(line.size());
  }
  REQUIRE(widths.size() == 4);  // two hosts and two ranks
  for (auto const width : widths) CHECK(width == widths.front());
  CHECK(report_of("long.json")["slowest"][0]["name"] == "mesh 7");
}

TEST_CASE("names of functions have no marks of the compiler") {
  CHECK(named("map greet a --trace trace.json").status == 0);
  CHECK_THAT(run(FARM_PROGRAM " report trace.json").out, contains("\ngreet ") && !contains("[abi:"));
}

TEST_CASE("a report on a file that is not a trace is one line of error") {
  std::ofstream{"garbage.json"} << "no trace\n";
  std::ofstream{"other.json"} << "[\n{\"a\":1},\n{\"b\":2}\n]\n";
  for (auto const* const file : {"missing.json", "garbage.json", "other.json", "/dev/null", "."}) {
    CAPTURE(file);
    auto const outcome = run(FARM_PROGRAM " report " + std::string{file});
    CHECK(outcome.status == 1);
    CHECK(outcome.out.empty());
    CHECK(outcome.complaints().size() == 1);
    CHECK(lines(outcome.err).size() == 1);
  }
}
