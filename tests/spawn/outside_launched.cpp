// Programs with launched groups, each group with a launcher process of its own, started as users start them.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace {

std::string const program = FARM_SMALL_PROGRAM;       // NOLINT: a string
std::string const launched = "FARM_SOURCE=launched";  // NOLINT: a string

Outcome run_with(std::string const& launcher, std::string const& scenario) {
  return run_program(program + " " + scenario, fmt::format("{} FARM_LAUNCHER='{}'", launched, launcher));
}

void make_script(std::string const& name, std::string const& text) {
  std::ofstream{name} << "#!/bin/sh\n" << text;
  std::filesystem::permissions(name, std::filesystem::perms::owner_all);
}

}  // namespace

TEST_CASE("a program works with launched groups, alone and under mpiexec, with guards and without") {
  auto const command = GENERATE(as<std::string>{}, program, FARM_MPIEXEC " -n 1 " FARM_SMALL_PROGRAM);
  auto const guards = GENERATE(as<std::string>{}, "", "FARM_GUARD=0");
  CAPTURE(command, guards);
  auto const outcome = run_program(command + " work", launched + " " + guards);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.errors.empty());
  CHECK(outcome.left.empty());
  auto const printing = run_program(command + " print_from_tasks", launched + " " + guards);
  CHECK(printing.status == 0);
  for (int i = 1; i <= 3; ++i) CHECK_THAT(printing.output, contains(fmt::format("task {} prints\n", i)));
}

TEST_CASE("the master of launched groups does not initialize MPI, and can stage arrays") {
  auto const outcome = run_program(program + " stage_without_mpi", launched);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "MPI is not initialized\nsum 999999000000\n");
  CHECK(outcome.errors.empty());
  CHECK(outcome.left.empty());
}

TEST_CASE("one program can have spawned groups in one pool and launched groups in another", "[spawned]") {
  auto const outcome = run_program(program + " work_twice");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "spawned 3 launched 3 spawned 5 launched 5\n");
  CHECK(outcome.errors.empty());
  CHECK(outcome.left.empty());
}

TEST_CASE("launched groups whose ranks die are replaced, and no process is left") {
  auto const outcome = run_program(program + " lose_ranks", launched);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "lost\nlost\nthen 3\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("a group whose launcher is killed is replaced; no process and no shared memory of MPI is left") {
  auto const outcome = run_program(program + " lose_the_launcher", launched);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "attempt 2\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("when the master dies, launchers, ranks and guards end") {
  std::filesystem::remove("the_task_runs");
  auto const outcome = run_program(program + " orphan_a_task", launched);
  CHECK(ended_with(outcome, 137));
  CHECK(outcome.left.empty());
}

TEST_CASE("when the master of launched groups dies while programs run, they and all that they have started end") {
  auto const outcome = run_program(program + " orphan_programs", launched);
  CHECK(ended_with(outcome, 137));
  CHECK(outcome.left.empty());
}

TEST_CASE("when the master dies and a launcher ignores it, the guards end the ranks, and with them the launcher") {
  std::filesystem::remove("the_task_runs");
  auto const outcome =
      run_with("sh -c \"trap : TERM; \\\"\\$@\\\"; exit 0\" x " FARM_MPIEXEC " --oversubscribe -n {ranks} {program}",
               "orphan_a_task");
  CHECK(ended_with(outcome, 137));
  CHECK(outcome.left.empty());
}

TEST_CASE("when the master dies while a launcher has not started any rank, the launcher ends") {
  auto const outcome = run_with("sleep 1000 {ranks}", "orphan_a_launcher");
  CHECK(ended_with(outcome, 137));
  CHECK(outcome.left.empty());
}

TEST_CASE("a launcher that fails is reported in one error, with its output") {
  struct Case {
    std::string launcher;
    std::string text;
  };
  auto const [launcher, text] = GENERATE(values<Case>({
      {"nonesuch", "the launcher \"nonesuch\" is not known: give a command with {ranks} in it"},
      {"nonesuch -n {ranks}", "the launcher nonesuch could not be started: No such file or directory; install it"},
      {"sh -c \"echo no licence >&2; exit 3\" {ranks}", "no licence (the launcher sh exited with status 3)"},
      {"true {ranks}", "exited with status 0 and printed nothing"},
      {"sh -c \"kill -9 \\$\\$\" {ranks}", "was ended by signal 9 (Killed) and printed nothing"},
      {"sh -c \"head -c 99999 /dev/zero; exit 1\" {ranks}",
       "????... (the launcher sh exited with status 1; FARM_VERBOSE=1 shows all that it printed)"},
      {FARM_MPIEXEC " -n 1 {program} {ranks}", "MPI_COMM_WORLD has 1 rank where 2 were asked for"},
      {FARM_MPIEXEC " --oversubscribe -n 3 {program} {ranks}", "but 2 were asked for: the launcher has started more"},
      {"sh -c \"\\\"\\$@\\\" & \\\"\\$@\\\" & wait\" {ranks} {program}", "or it is of another MPI than this program ("},
      {"mpiexec -n {rank} {program}", "{rank} is not a field; the fields are {ranks}, {hosts}"},
      {"mpiexec --host host.invalid:2 -n {ranks}", "ssh"},
  }));
  CAPTURE(launcher);
  auto const outcome = run_with(launcher, "work");
  CHECK(outcome.status == 1);
  CHECK(outcome.output.empty());
  CHECK_THAT(outcome.errors, contains("error: ") && contains(text));
  CHECK(outcome.left.empty());
}

TEST_CASE("a program that never connects is given up after spawn_timeout, with its output") {
  auto const outcome = run_with("sh -c \"echo I wait for a licence; sleep 1000\" {ranks}", "work_soon");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.errors, contains("error: 0 of the 2 ranks of a group connected within 0.5 s; the launcher") &&
                                 contains("is still running; its output: I wait for a licence"));
  CHECK(outcome.left.empty());
}

TEST_CASE("a launcher that does not end with its ranks is killed") {
  auto const outcome = run_with("sh -c \"trap : TERM; \\\"\\$@\\\"; sleep 1000; sleep 1000\" x " FARM_MPIEXEC
                                " --oversubscribe -n {ranks} {program}",
                                "work");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("more ranks than slots, and invalid sources, hosts and addresses, are refused in one line") {
  struct Case {
    std::string environment;
    std::string text;
  };
  auto const [environment, text] = GENERATE(values<Case>({
      {"FARM_HOSTS=localhost:3",
       "max_ranks is 4, but there are 3 slots for ranks besides the master (1 host from FARM_HOSTS)"},
      {"FARM_HOSTS=a:b", "FARM_HOSTS: b slots for a: a number above 0 is expected"},
      {"FARM_HOSTFILE=/nonexistent", "the hostfile /nonexistent cannot be read"},
      {"FARM_HOSTS=other.invalid:4 FARM_HEARTBEAT=x", "FARM_HEARTBEAT is \"x\": a number of seconds"},
      {"FARM_HOSTS=other.invalid:4 FARM_ADDRESS=nowhere.invalid",
       "FARM_ADDRESS is \"nowhere.invalid\", which is no address"},
      {"FARM_SOURCE=lunched", "FARM_SOURCE is \"lunched\": spawned, static, launched or automatic is expected"},
      {"FARM_SOURCE=static", "FARM_SOURCE=static, but the program was started as one process"},
  }));
  CAPTURE(environment);
  auto const outcome = run_program(program + " work", launched + " " + environment);
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.errors, contains("error: " + text));
  CHECK(outcome.left.empty());
}

TEST_CASE("a program that was started with several processes neither launches nor spawns groups") {
  auto const several = FARM_MPIEXEC " --oversubscribe -n 2 " + program + " work";
  auto const outcome = run_program(several, launched);
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.errors, contains("the program was started with 2 processes: start it as one"));
  CHECK(outcome.left.empty());
#ifdef FARM_CAN_SPAWN
  CHECK_THAT(run_program(several, "FARM_SOURCE=spawned").errors, contains("start it with mpiexec -n 1"));
#endif
}

/// Flux is not in Debian, so a script takes its place and checks the arguments.
TEST_CASE("flux run gets the number of ranks and the program") {
  make_script("flux",
              "[ \"$1\" = run ] && [ \"$2\" = --ntasks=2 ] && [ \"$3\" = env ] || { echo \"flux: $*\" >&2; exit 2; }\n"
              "shift 2; exec " FARM_MPIEXEC " --oversubscribe --bind-to none -n 2 \"$@\"\n");
  auto const outcome =
      run_program(program + " work", launched + " FLUX_URI=local:///tmp/none \"PATH=$PWD:$PATH\" FARM_LAUNCHER=flux");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.errors.empty());
}

TEST_CASE("tasks do not see how their rank was launched, and no file with the key is left") {
  auto const outcome = run_program(program + " look_around", launched);
  CHECK(outcome.output == "FARM_WORKER not set, FARM_BIRTH not set, OWN is mine, in /\n");
  CHECK(outcome.errors.empty());
  for (auto const& entry : std::filesystem::recursive_directory_iterator(".")) {
    CHECK_THAT(entry.path().string(), !contains("birth"));
  }
}
