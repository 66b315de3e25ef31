// farm doctor: its findings, with and without faults, and the list of settings.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace {

std::map<std::string, nlohmann::json> findings(Outcome const& outcome) {
  std::map<std::string, nlohmann::json> result;
  for (auto const& line : lines(outcome.out)) {
    auto const finding = nlohmann::json::parse(line);
    result[finding["subject"]] = finding;
  }
  return result;
}

/// Returns how often a part is in the text.
int count(std::string const& text, std::string const& part) {
  int number = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++number;
  return number;
}

}  // namespace

TEST_CASE("the doctor finds everything that the farm needs") {
  auto const outcome = farm_in(3, "doctor --json");
  CHECK(outcome.status == 0);
  auto const found = findings(outcome);
  for (auto const* const subject :
       {"user", "launcher", "fabric", "guards", "PMIx library", "HDF5", "stage directory", "stage shared",
        "descriptors", "MPI", "slots", "resources", "cores", "threads", "binding", "spawn"}) {
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
             contains("localhost (3): --hosts; groups by mpiexec") && contains("-n {ranks} {program}"));
  CHECK_THAT(found.at("slots")["text"].get<std::string>(), contains("3 for ranks: 1 host from --hosts"));
  CHECK_THAT(found.at("MPI")["text"].get<std::string>(), contains("not initialized in this process"));
  CHECK_THAT(found.at("spawn")["text"].get<std::string>(), contains("2 of 2 guards answered, on "));
}

TEST_CASE("tasks run on launched groups if the command line says so, and each wrong option is one line of error") {
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
  CHECK(lines(outcome.out).size() >= 16);
  for (auto const& line : lines(outcome.out)) {
    CAPTURE(line);
    CHECK((line.starts_with("ok    ") || line.starts_with("note  ")));
    CHECK(line.substr(22, 1) == " ");
    CHECK(line.substr(23, 1) != " ");
  }
}

TEST_CASE("a fault that would make tasks fail is a failure, and the exit status says so", "[spawned]") {
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
  auto const unset = threads("-u OMP_NUM_THREADS FARM_BIND=0");
  CHECK(unset["state"] == "note");
  CHECK(unset["text"] ==
        "OMP_NUM_THREADS is not set, so OpenMP takes one thread for each core: 2 ranks on a host may run 2 threads on "
        "1 core");
  auto const wrong = threads("OMP_NUM_THREADS=many");
  CHECK(wrong["state"] == "note");
  CHECK_THAT(wrong["text"].get<std::string>(), contains("\"many\", which is not a number above 0"));
  auto const alone =
      findings(run("env -u OMP_NUM_THREADS FARM_BIND=0 FARM_MAX_WORKERS=1 " FARM_PROGRAM " doctor --json"));
  CHECK(alone.at("threads")["state"] == "ok");
  auto const fitting = findings(run("OMP_NUM_THREADS=1 FARM_MAX_WORKERS=1 " FARM_PROGRAM " doctor --json"));
  CHECK(fitting.at("threads")["state"] == "ok");
}

TEST_CASE("settings that have no effect on the source of groups are warned about once, and are notes of the doctor",
          "[spawned]") {
  struct Case {
    std::string start;
    std::string name;
    std::string text;
  };
  auto const [start, name, text] = GENERATE(values<Case>({
      {"FARM_HOSTS=a:4 " FARM_MPIEXEC " -n 1 -host localhost:3 ", "FARM_HOSTS",
       "groups are spawned, and only launched groups use it; set FARM_SOURCE=launched"},
      {"FARM_HOSTFILE=/absent " FARM_MPIEXEC " -n 1 -host localhost:3 ", "FARM_HOSTFILE", "groups are spawned"},
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
  auto const outcome = run("FARM_SOURCE=launched FARM_HOSTS=localhost:2 FARM_LAUNCHER='" FARM_MPIEXEC
                           " -n {ranks}' " FARM_PROGRAM " map calc 1 --quiet");
  CHECK(outcome.status == 0);
  CHECK(outcome.complaints().empty());
}

TEST_CASE("under mpiexec -n K every command prints once, and the doctor is right") {
  auto const in = [](std::string const& arguments) {
    return run(FARM_MPIEXEC " --bind-to none -n 3 -host localhost:3 " FARM_PROGRAM " " + arguments);
  };
  auto const doctor = in("doctor --json");
  CHECK(doctor.status == 0);
  std::map<std::string, int> counts;
  for (auto const& line : lines(doctor.out)) ++counts[nlohmann::json::parse(line)["subject"].get<std::string>()];
  for (auto const& [subject, count] : counts) {
    CAPTURE(subject);
    CHECK(count == 1);
  }
  CHECK(findings(doctor)["source"]["text"] == "groups are static");
  CHECK(findings(doctor)["spawn"]["state"] != "FAIL");
  for (auto const* const arguments : {"tasks", "--help", "--version", "doctor --settings", "map calc 1 --dry-run"}) {
    CAPTURE(arguments);
    auto const once = in(arguments);
    CHECK(once.status == 0);
    CHECK(once.out == farm(arguments).out);
  }
  CHECK(in("map clac 1").complaints().size() == 1);
}

TEST_CASE("the doctor stops where the next step would crash, and says so") {
  auto const outcome = run("ulimit -n 20; " FARM_PROGRAM " doctor --json");
  CHECK(outcome.status == 1);
  CHECK(outcome.err.empty());
  auto const found = findings(outcome);
  CHECK(found.at("descriptors")["state"] == "FAIL");
  CHECK_THAT(found.at("descriptors")["text"].get<std::string>(), contains("20: ") && contains("MPI_Init would crash"));
  CHECK(found.at("spawn")["text"] == "not tried: MPI_Init would crash");
  CHECK(found.count("MPI") == 0);
}

TEST_CASE("each setting that cannot be read is told in one line, by the doctor and at the start of a program") {
  struct Case {
    std::string setting;
    std::string text;
  };
  auto const [setting, text] = GENERATE(values<Case>({
      {"FARM_HEARTBEAT=abc", "FARM_HEARTBEAT is \"abc\": a number of seconds from 2 to 30000, or 0, is expected"},
      {"FARM_GUARD=abc", "FARM_GUARD is \"abc\": 0 or 1 is expected"},
      {"FARM_CHECKSUM=abc", "FARM_CHECKSUM is \"abc\": 0 or 1 is expected"},
      {"FARM_VERBOSE=abc", "FARM_VERBOSE is \"abc\": 0 or 1 is expected"},
      {"FARM_MAX_WORKERS=abc", "FARM_MAX_WORKERS is \"abc\": a number above 0 is expected"},
  }));
  CAPTURE(setting);
  auto const doctor = run(setting + " " FARM_PROGRAM " doctor");
  CHECK(doctor.status == 1);
  CHECK(doctor.err.empty());
  REQUIRE(lines(doctor.out).size() == 2);
  CHECK(lines(doctor.out)[0] == "FAIL  setting          " + text);
  CHECK(lines(doctor.out)[1] == "note  spawn            not tried: the settings are wrong");
  auto const program = run(setting + " " FARM_PROGRAM " map calc 1");
  CHECK(program.status == 1);
  CHECK(program.err == "farm: " + text + "\n");
}

TEST_CASE("all settings that cannot be read are told at once") {
  auto const doctor = run("FARM_GUARD=no FARM_CHECKSUM=no " FARM_PROGRAM " doctor");
  CHECK(lines(doctor.out).size() == 3);
}

TEST_CASE("a stage directory that cannot be used is told once by the doctor, and at the start of a program") {
  auto const doctor = run("FARM_STAGE_DIR=/absent " FARM_PROGRAM " doctor");
  CHECK(doctor.status == 1);
  CHECK(doctor.err.empty());
  CHECK_THAT(doctor.out, contains("FAIL  stage directory  /absent (FARM_STAGE_DIR): there is no such directory; name "
                                  "another directory with FARM_STAGE_DIR\n"));
  CHECK(count(doctor.out, "/absent") == 1);
  auto const program = run("FARM_STAGE_DIR=/absent " FARM_PROGRAM " map calc 1");
  REQUIRE(program.complaints().size() == 1);
  CHECK_THAT(program.complaints()[0], contains("FARM_STAGE_DIR: ") && contains("/absent"));
}

TEST_CASE("the doctor blames what was given: the option, not the variable") {
  struct Case {
    std::string options;
    std::string text;
  };
  auto const [options, text] = GENERATE(values<Case>({
      {"--source nowhere", "--source is \"nowhere\": spawned, static, launched or automatic is expected"},
      {"--launcher nosuch", "--launcher: the launcher \"nosuch\" is not known"},
      {"--hosts a:x", "--hosts: x slots for a: a number above 0 is expected"},
      {"--stage /absent", "name another directory with --stage"},
  }));
  CAPTURE(options);
  auto const outcome = farm("doctor " + options);
  CHECK(outcome.status == 1);
  CHECK(outcome.err.empty());
  CHECK(count(outcome.out, text) == 1);
  CHECK(count(outcome.out, "FAIL") == 1);
}

TEST_CASE("a PMIx library that cannot be loaded is named once, and no group is tried", "[spawned]") {
  auto const outcome = run("FARM_PMIX_LIBRARY=/absent.so " FARM_PROGRAM " doctor");
  CHECK(outcome.status == 1);
  CHECK(count(outcome.out, "/absent.so") == 1);
  CHECK_THAT(outcome.out, contains("not tried: no group starts without the PMIx library"));
}

TEST_CASE("the doctor says to which cores ranks are bound, and warns if launched groups share them", "[spawned]") {
  auto const spawned = findings(farm("doctor --json"));
  CHECK_THAT(spawned.at("binding")["text"].get<std::string>(),
             contains("bound to cores of its own: processors ") || contains("ranks share cores, since"));
  CHECK(findings(run("FARM_BIND=0 " FARM_PROGRAM " doctor --json")).at("binding")["text"] ==
        "ranks are not bound: each may use all cores of its host (FARM_BIND=0)");
  auto const launched =
      findings(run("FARM_SOURCE=launched FARM_HOSTS=localhost:4 FARM_LAUNCHER='mpiexec --bind-to core "
                   "--host {hosts} -n {ranks}' " FARM_PROGRAM " doctor --json"));
  CHECK(launched.at("binding")["state"] == "note");
  CHECK_THAT(launched.at("binding")["text"].get<std::string>(),
             contains("is bound to 1 of ") && contains("groups that run at the same time are bound to the same cores"));
  CHECK(launched.at("binding")["advice"] == "give --bind-to none in FARM_LAUNCHER");
}

TEST_CASE("a misspelt variable is a note with the name that was meant, or with how to list the known ones") {
  auto const outcome = run("FARM_MAX_WORKER=2 FARM_XYZZY=1 " FARM_PROGRAM " doctor");
  CHECK_THAT(outcome.out,
             contains("FARM_MAX_WORKER is unknown, and ignored: did you mean FARM_MAX_WORKERS?") &&
                 contains("FARM_XYZZY is unknown, and ignored; farm doctor --settings lists the known ones"));
}

TEST_CASE("a host that cannot be reached is one short line, the cause first; the rest is shown by --verbose") {
  auto const map = FARM_PROGRAM " map calc 1 2 3 --hosts nosuchhost.invalid:2 --quiet";
  auto const outcome = run(map);
  CHECK(outcome.status == 1);
  REQUIRE_FALSE(lines(outcome.err).empty());
  std::string const begin = "no group could be started on nosuchhost.invalid: ssh: Could not resolve hostname";
  CHECK(count(outcome.err, "Could not resolve") == 1);
  CHECK_THAT(outcome.err, contains(begin));
  for (auto const& line : lines(outcome.err)) CHECK(line.size() < 250);
  auto const verbose = run(std::string{map} + " --verbose");
  CHECK_THAT(verbose.err, contains("farm: group 1: mpiexec") && contains("farm: group 1, launcher: ssh: "));
  CHECK(lines(verbose.err).size() > lines(outcome.err).size());
  CHECK(run(std::string{"FARM_VERBOSE=1 "} + map).err.find("launcher: ssh: ") != std::string::npos);
  auto const doctor = run(FARM_PROGRAM " doctor --hosts nosuchhost.invalid:2");
  CHECK(doctor.err.empty());
  CHECK_THAT(doctor.out, contains("FAIL  spawn            " + begin));
}

TEST_CASE("a wrong launcher is told once") {
  for (auto const* const launcher : {"nosuch", "nosuch -n {ranks}", "false {ranks}"}) {
    CAPTURE(launcher);
    auto const outcome = run(std::string{"FARM_SOURCE=launched FARM_LAUNCHER='"} + launcher +
                             "' " FARM_PROGRAM " map calc 1 2 3 --quiet");
    CHECK(outcome.status == 1);
    CHECK(outcome.complaints().size() == 1);
  }
}

TEST_CASE("a group that fails to start is told although a later one runs the tasks") {
  std::filesystem::remove("failed_once");
  std::ofstream{"launcher.sh"} << "test -e failed_once || { touch failed_once; echo out of licences >&2; exit 4; }\n"
                                  "exec " FARM_MPIEXEC " --oversubscribe --bind-to none \"$@\"\n";
  auto const outcome =
      run("FARM_SOURCE=launched FARM_LAUNCHER='sh launcher.sh -n {ranks}' " FARM_PROGRAM " map calc 1 --quiet");
  CHECK(outcome.status == 0);
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0] ==
        "farm: no group could be started on localhost: out of licences (the launcher sh exited with status 4)");
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
