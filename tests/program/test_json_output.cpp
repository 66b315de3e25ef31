// With --json the standard output is JSON and nothing else, and each input has its record.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

/// Throws if a line is not JSON.
std::vector<Json> records(Outcome const& outcome) {
  std::vector<Json> result;
  for (auto const& line : lines(outcome.out)) result.push_back(Json::parse(line));
  return result;
}

}  // namespace

TEST_CASE("what tasks, libraries and initializers print goes to the standard error, from every source") {
  auto const launcher = std::string{GENERATE("", FARM_MPIEXEC " -n 1 -host localhost:3 ",
                                             FARM_MPIEXEC " --bind-to none -n 3 -host localhost:3 ",
                                             "env FARM_SOURCE=launched FARM_HOSTS=localhost:2 ")};
  auto const guard = std::string{GENERATE("FARM_GUARD=1 ", "FARM_GUARD=0 ")};
  CAPTURE(launcher, guard);
  auto const outcome = run("FARM_TEST_NOISE=1 " + guard + launcher + NAMED_TASKS " map noisy 1 2 3 --json");
  CHECK(outcome.status == 0);
  CHECK(inputs_and_results(outcome.out) ==
        "{\"input\":1,\"result\":1}\n{\"input\":2,\"result\":2}\n{\"input\":3,\"result\":3}\n");
  for (auto const* const text : {"loading", "loaded", "ready", "working on 3", "a line without an end"})
    CHECK_THAT(outcome.err, contains(text));
}

TEST_CASE("the other commands keep their standard output for JSON and help, too") {
  for (auto const* const command : {"doctor --json", "doctor --settings --json", "tasks --json"}) {
    CAPTURE(command);
    auto const outcome = run(std::string{"FARM_TEST_NOISE=1 " NAMED_TASKS " "} + command);
    CHECK_FALSE(records(outcome).empty());
    CHECK_THAT(outcome.err, contains("ready"));
  }
  CHECK(run("FARM_TEST_NOISE=1 " NAMED_TASKS " map --json --help").out.starts_with("Run one task for each input\n"));
}

TEST_CASE("without --json, and for an input --json, tasks print on the standard output") {
  CHECK_THAT(run(NAMED_TASKS " map noisy 1").out, contains("working on 1\n"));
  CHECK(run("FARM_TEST_NOISE=1 " NAMED_TASKS " map echo -- --json").out.starts_with("loading\nloaded\nready\n"));
}

TEST_CASE("a closed standard error does not spoil the JSON") {
  CHECK(inputs_and_results(run("FARM_TEST_NOISE=1 " NAMED_TASKS " map noisy 1 --json 2>&-").out) ==
        "{\"input\":1,\"result\":1}\n");
}

TEST_CASE("an input whose task fails has the error in its record, among the records of the others") {
  auto const outcome = run(NAMED_TASKS " map not_two 1 2 3 --json");
  CHECK(outcome.status == 1);
  auto const found = records(outcome);
  REQUIRE(found.size() == 3);
  for (auto const index : {0U, 2U}) {
    CHECK(found[index]["index"] == index);
    CHECK(found[index]["input"] == index + 1);
    CHECK(found[index]["result"] == index + 1);
    CHECK(found[index]["attempts"] == 1);
    CHECK(found[index]["seconds"].get<double>() >= 0);
    CHECK_FALSE(found[index].contains("line"));
  }
  CHECK(found[1]["attempts"] == 1);
  CHECK(found[1]["input"] == 2);
  auto const& error = found[1]["error"];
  CHECK(error["type"] == "std::invalid_argument");
  CHECK(error["text"] == "two\nlines");
  CHECK(error["rank"] == 0);
  CHECK_FALSE(error["host"].get<std::string>().empty());
  CHECK(outcome.complaints().size() == 1);
}

TEST_CASE("an input whose group was lost has a record, without a rank that threw") {
  auto const outcome = run(NAMED_TASKS " map killed_by_two 1 2 3 --json");
  CHECK(outcome.status == 1);
  auto const found = records(outcome);
  REQUIRE(found.size() == 3);
  CHECK(found[0]["result"] == 1);
  CHECK(found[1]["error"]["type"] == "farm::GroupLost");
  CHECK_THAT(found[1]["error"]["text"].get<std::string>(), contains("rank 0"));
  CHECK(found[1]["error"]["rank"].is_null());
  CHECK(found[1]["attempts"] == 3);
  CHECK(found[2]["result"] == 3);
}

TEST_CASE("each input has a record if no group can be started, and the reason is reported once") {
  auto const outcome = run(NAMED_TASKS " map not_two 1 2 3 --json --launcher 'false {ranks}'");
  CHECK(outcome.status == 1);
  auto const found = records(outcome);
  REQUIRE(found.size() == 3);
  for (auto const& record : found) CHECK(record["error"]["type"] == "farm::SpawnError");
  CHECK(outcome.complaints().size() == 1);
}
