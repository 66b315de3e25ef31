// farm doctor: its findings, with and without faults, and the list of settings.
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

TEST_CASE("the doctor finds everything that the farm needs") {
  auto const outcome = farm_in(3, "doctor --json");
  CHECK(outcome.status == 0);
  auto const found = findings(outcome);
  for (auto const* const subject : {"user", "launcher", "fabric", "guards", "PMIx library", "HDF5", "stage directory",
                                    "stage shared", "descriptors", "MPI", "slots", "cores", "threads", "spawn"}) {
    CAPTURE(subject);
    REQUIRE(found.count(subject) == 1);
    CHECK(found.at(subject)["state"] != "FAIL");
  }
  CHECK_THAT(found.at("slots")["text"].get<std::string>(), contains("2 for ranks"));
  CHECK_THAT(found.at("spawn")["text"].get<std::string>(), contains("2 of 2 guards answered"));
  CHECK_THAT(found.at("HDF5")["text"].get<std::string>(), contains("parallel"));
}

TEST_CASE("the doctor shows on which hosts and how groups are launched") {
  auto const outcome = farm("doctor --json --hosts localhost:3");
  CHECK(outcome.status == 0);
  auto const found = findings(outcome);
  CHECK(found.at("source")["text"] == "groups are launched");
  CHECK_THAT(found.at("hosts")["text"].get<std::string>(),
             contains("localhost (3): --hosts; groups by mpiexec --oversubscribe"));
  CHECK_THAT(found.at("slots")["text"].get<std::string>(), contains("3 for ranks: 1 host from --hosts"));
  CHECK_THAT(found.at("MPI")["text"].get<std::string>(), contains("not initialized in this process"));
  CHECK_THAT(found.at("spawn")["text"].get<std::string>(), contains("2 of 2 guards answered, on "));
}

TEST_CASE("tasks run on launched groups if the command line says so, and each wrong option is one line of error") {
  auto const outcome = run(FARM_PROGRAM " map calc 1 2 3 --ranks-per-task 2 --hosts localhost:4");
  CHECK(outcome.status == 0);
  CHECK(lines(outcome.out).size() == 3);
  CHECK(outcome.err == "3 done, 0 failed, 0 not started\n");
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
  CHECK(lines(outcome.out).size() == 15);
  for (auto const& line : lines(outcome.out)) {
    CAPTURE(line);
    CHECK((line.starts_with("ok    ") || line.starts_with("note  ")));
    CHECK(line.substr(22, 1) == " ");
    CHECK(line.substr(23, 1) != " ");
  }
}

TEST_CASE("a fault that would make tasks fail is a failure, and the exit status says so") {
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

TEST_CASE("the doctor says if ranks times OpenMP threads go beyond the cores, and what OpenMP takes by default") {
  auto const threads = [](std::string const& environment) {
    return findings(run("env " + environment + " FARM_MAX_WORKERS=2 taskset -c 0 " FARM_PROGRAM " doctor --json"))
        .at("threads");
  };
  auto const many = threads("OMP_NUM_THREADS=4");
  CHECK(many["state"] == "note");
  CHECK(many["text"] == "2 ranks on a host with OMP_NUM_THREADS=4 run 8 threads on 1 core: more threads than cores");
  CHECK(many["advice"] == "set OMP_NUM_THREADS=1");
  auto const nested = threads("OMP_NUM_THREADS=3,2");
  CHECK_THAT(nested["text"].get<std::string>(), contains("run 6 threads"));
  auto const single = threads("OMP_NUM_THREADS=1");
  CHECK(single["state"] == "note");
  CHECK(single["advice"] == "have fewer ranks");
  auto const unset = threads("-u OMP_NUM_THREADS");
  CHECK(unset["state"] == "note");
  CHECK(unset["text"] ==
        "OMP_NUM_THREADS is not set, so OpenMP takes one thread for each core: 2 ranks on a host may run 2 threads on "
        "1 core");
  auto const wrong = threads("OMP_NUM_THREADS=many");
  CHECK(wrong["state"] == "note");
  CHECK_THAT(wrong["text"].get<std::string>(), contains("\"many\", which is not a number above 0"));
  auto const alone = findings(run("env -u OMP_NUM_THREADS FARM_MAX_WORKERS=1 " FARM_PROGRAM " doctor --json"));
  CHECK(alone.at("threads")["state"] == "ok");
  auto const fitting = findings(run("OMP_NUM_THREADS=1 FARM_MAX_WORKERS=1 " FARM_PROGRAM " doctor --json"));
  CHECK(fitting.at("threads")["state"] == "ok");
}

TEST_CASE("settings that have no effect on the source of groups are warned about once, and are notes of the doctor") {
  struct Case {
    std::string start;
    std::string name;
    std::string text;
  };
  auto const [start, name, text] = GENERATE(values<Case>({
      {"FARM_HOSTS=a:4 ", "FARM_HOSTS",
       "groups are spawned, and only launched groups use it; set FARM_SOURCE=launched"},
      {"FARM_HOSTFILE=/absent ", "FARM_HOSTFILE", "groups are spawned"},
      {"FARM_LAUNCHER=srun " FARM_MPIEXEC " -n 1 -host localhost:3 ", "FARM_LAUNCHER", "groups are spawned"},
      {"FARM_HOSTS=a:4 " FARM_MPIEXEC " -n 3 --oversubscribe ", "FARM_HOSTS",
       "groups are formed of the ranks that the program was started with"},
  }));
  CAPTURE(start);
  auto const mapped = run(start + FARM_PROGRAM " map calc 1");
  CHECK(mapped.status == 0);
  REQUIRE(mapped.complaints().size() == 1);
  CHECK_THAT(mapped.complaints()[0],
             contains("farm: " + name + " has no effect: " + text) && contains("unset " + name));
  auto const checked = run(start + FARM_PROGRAM " doctor");
  CHECK(checked.status == 0);
  CHECK_THAT(checked.out, contains("note  setting          " + name + " has no effect: " + text));
}

TEST_CASE("settings of launched groups are not warned about if groups are launched") {
  auto const outcome =
      run("FARM_SOURCE=launched FARM_HOSTS=localhost:2 FARM_LAUNCHER=mpiexec " FARM_PROGRAM " map calc 1 --quiet");
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
}

TEST_CASE("disabled guards are a note") {
  auto const outcome = run("FARM_GUARD=0 " FARM_PROGRAM " doctor --json");
  CHECK(outcome.status == 0);
  CHECK(findings(outcome)["guards"]["state"] == "note");
}

TEST_CASE("doctor --settings lists every setting with its value, and checks nothing") {
  auto const outcome =
      run("env -u FARM_LAUNCHER FARM_HOSTS=a:4,b:4 " FARM_PROGRAM " doctor --settings --json --source static");
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  std::map<std::string, nlohmann::json> settings;
  for (auto const& line : lines(outcome.out)) {
    auto const setting = nlohmann::json::parse(line);
    CAPTURE(line);
    CHECK(setting.size() == 5);
    for (auto const* const key : {"type", "default", "meaning"})
      CHECK_FALSE(setting.at(key).get<std::string>().empty());
    settings[setting.at("name")] = setting;
  }
  for (auto const* const name : {"FARM_MAX_WORKERS", "FARM_SOURCE", "FARM_HOSTS", "FARM_TRACE", "FARM_GUARD"}) {
    CAPTURE(name);
    CHECK(settings.count(name) == 1);
  }
  CHECK(settings["FARM_HOSTS"]["value"] == "a:4,b:4");
  CHECK(settings["FARM_SOURCE"]["value"] == "static");  // the option takes precedence over the variable
  CHECK(settings["FARM_LAUNCHER"]["value"].is_null());
}

TEST_CASE("doctor --settings prints a text for people") {
  auto const outcome = run("env -u FARM_LAUNCHER FARM_HOSTS=a:4 " FARM_PROGRAM " doctor --settings --source static");
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, contains("FARM_HOSTS           = a:4\n"));
  CHECK_THAT(outcome.out, contains("FARM_SOURCE          = static (from --source)\n"));
  CHECK_THAT(outcome.out, contains("FARM_LAUNCHER        not set\n"));
  CHECK_THAT(outcome.out, contains("type: seconds; default: 20\n"));
  for (auto const& line : lines(outcome.out)) {
    CAPTURE(line);
    CHECK((line.starts_with("FARM_") || line.starts_with("    ")));
  }
}
