// What the doctor finds, well and ill.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <map>

namespace {

std::map<std::string, nlohmann::json> findings(Outcome const& outcome) {
  std::map<std::string, nlohmann::json> result;
  for (auto const& line : lines(outcome.out)) {
    auto const finding = nlohmann::json::parse(line);
    result[finding["subject"]] = finding;
  }
  return result;
}

}  // namespace

TEST_CASE("the doctor finds all that the farm needs") {
  auto const outcome = farm_in(3, "doctor --json");
  CHECK(outcome.status == 0);
  auto const found = findings(outcome);
  for (auto const* const subject : {"user", "launcher", "fabric", "guards", "PMIx library", "HDF5", "stage directory",
                                    "stage shared", "descriptors", "MPI", "slots", "cores", "spawn"}) {
    CAPTURE(subject);
    REQUIRE(found.count(subject) == 1);
    CHECK(found.at(subject)["state"] != "FAIL");
  }
  CHECK_THAT(found.at("slots")["text"].get<std::string>(), contains("2 for ranks"));
  CHECK_THAT(found.at("spawn")["text"].get<std::string>(), contains("2 of 2 guards answered"));
  CHECK_THAT(found.at("HDF5")["text"].get<std::string>(), contains("parallel"));
}

TEST_CASE("the doctor shows where groups are launched, and how") {
  auto const outcome = farm("doctor --json --hosts localhost:3");
  CHECK(outcome.status == 0);
  auto const found = findings(outcome);
  CHECK(found.at("source")["text"] == "groups are launched");
  CHECK_THAT(found.at("hosts")["text"].get<std::string>(),
             contains("localhost (3): --hosts; groups by mpiexec --oversubscribe"));
  CHECK_THAT(found.at("slots")["text"].get<std::string>(), contains("3 for ranks: 1 host from --hosts"));
  CHECK_THAT(found.at("MPI")["text"].get<std::string>(), contains("not initialized here"));
  CHECK_THAT(found.at("spawn")["text"].get<std::string>(), contains("2 of 2 guards answered, on "));
}

TEST_CASE("tasks run on launched groups where the command line says so, and what cannot be is one line") {
  auto const outcome = run(FARM_PROGRAM " map calc 1 2 3 --ranks-per-task 2 --hosts localhost:4");
  CHECK(outcome.status == 0);
  CHECK(lines(outcome.out).size() == 3);
  CHECK(outcome.err.empty());
  for (auto const* const options : {"--source nowhere", "--hosts a:x", "--hostfile /absent", "--launcher nonesuch"}) {
    CAPTURE(options);
    auto const refused = run(std::string{FARM_PROGRAM " map calc 1 "} + options);
    CHECK(refused.status == 1);
    CHECK(lines(refused.err).size() == 1);
  }
}

TEST_CASE("the doctor's lines are aligned and begin with their state") {
  auto const outcome = farm("doctor");
  CHECK(outcome.status == 0);
  CHECK(lines(outcome.out).size() == 14);
  for (auto const& line : lines(outcome.out)) {
    CAPTURE(line);
    CHECK((line.starts_with("ok    ") || line.starts_with("note  ")));
    CHECK(line.substr(22, 1) == " ");
    CHECK(line.substr(23, 1) != " ");
  }
}

TEST_CASE("what would break is a failure, and the exit status says so") {
  auto const pmix = run("FARM_PMIX_LIBRARY=/absent.so " FARM_PROGRAM " doctor --json");
  CHECK(pmix.status == 1);
  CHECK(findings(pmix)["PMIx library"]["state"] == "FAIL");
  auto const stage = farm("doctor --stage /absent --json");
  CHECK(stage.status == 1);
  CHECK(findings(stage)["stage directory"]["state"] == "FAIL");
  CHECK(findings(stage)["spawn"]["state"] == "ok");
  auto const slots = farm_in(1, "doctor --json");
  CHECK(slots.status == 1);
  CHECK(findings(slots)["slots"]["state"] == "FAIL");
}

TEST_CASE("guards that are off are a note") {
  auto const outcome = run("FARM_GUARD=0 " FARM_PROGRAM " doctor --json");
  CHECK(outcome.status == 0);
  CHECK(findings(outcome)["guards"]["state"] == "note");
}
