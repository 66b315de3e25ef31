// What processes inherit: programs that are started with blocked signals, closed descriptors or long settings, that
// look at their arguments before their Runtime, or whose processes have children.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace {

/// The ways to start the program: its ranks are spawned, spawned without mpiexec, launched, and static.
std::string started(std::string const& arguments, std::string const& before = "") {
  auto const how = GENERATE(as<std::string>{}, FARM_MPIEXEC " -n 1 -host localhost:5 ", "", "env FARM_SOURCE=launched ",
                            FARM_MPIEXEC " --oversubscribe -n 3 ");
  return before + how + FARM_INHERITING_PROGRAM " " + arguments;
}

bool is_static(std::string const& command) { return command.find("--oversubscribe") != std::string::npos; }

}  // namespace

TEST_CASE("the death of a rank is noticed although the program blocks or ignores signals") {
  auto const scenario = GENERATE(as<std::string>{}, "block_all", "block_sigchld", "ignore_sigchld");
  auto const command = started(scenario);
  if (is_static(command)) return;  // its two ranks are lost together
  CAPTURE(command);
  auto const outcome = run_program(command);
  CHECK(outcome.output == "attempt: 2\n");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("the death of a rank is noticed although the launcher blocks or ignores SIGCHLD") {
  auto const how = GENERATE(as<std::string>{}, "--block-signal=CHLD", "--ignore-signal=CHLD");
  auto const outcome =
      run_program("env FARM_SOURCE=launched 'FARM_LAUNCHER=" FARM_MPIEXEC " --oversubscribe -n {ranks} env " + how +
                  " {program}' " FARM_INHERITING_PROGRAM " lose");
  CHECK(outcome.output == "attempt: 2\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("a program that is started with descriptors 0 to 2 closed works") {
  auto const how = GENERATE(as<std::string>{}, "", "FARM_SOURCE=launched ");
  std::filesystem::remove("result");
  auto const outcome =
      run_program("sh -c " + as_word(how + FARM_INHERITING_PROGRAM " tell_arguments given <&- >&- 2>&-"));
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("the standard input is the master's alone") {
  std::ofstream{"feed"} << "sleep 1; echo first; sleep 4\n";  // an input that goes on
  auto const outcome = run_program("sh -c " + as_word("sh feed | " + started("read_input")));
  CHECK(outcome.output == "task: end of file\ntask: end of file\nmaster: first\n");
  CHECK(outcome.status == 0);
  std::filesystem::remove("feed");
}

TEST_CASE("variables, directories and hosts that are too long for MPI_Info arrive") {
  auto const command = started("use_long_settings");
  CAPTURE(command);
  auto const outcome = run_program(command);
  CHECK(outcome.output == "variables: short true last\ndirectory: true\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("a program works in a directory, and with a TMPDIR, of 200 characters with a blank") {
  auto const directory = std::filesystem::current_path() / (std::string(200, 'd') + " and a blank");
  std::filesystem::create_directories(directory);
  auto const command = started("lose", "cd '" + directory.string() + "' && ");
  if (is_static(command)) return;
  CAPTURE(command);
  auto const outcome = run_program("sh -c " + as_word(command), "'TMPDIR=" + directory.string() + "'");
  CHECK(outcome.output == "attempt: 2\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("a directory or a host that is not there is a clear error at once, and the program goes on") {
  auto const command = started("name_what_is_missing");
  CAPTURE(command);
  auto const outcome = run_program(command);
  CHECK_THAT(outcome.output, contains("working_directory /not/there: No such file or directory on "));
  CHECK_THAT(outcome.output, contains("host: hosts: nowhere-at-all is not one of the available hosts"));
  CHECK_THAT(outcome.output, contains("in time: true\nthen: true\n"));
  CHECK(outcome.left.empty());
}

TEST_CASE("programs that the master and tasks start inherit none of the farm's descriptors") {
  auto const command = started("start_programs");
  CAPTURE(command);
  auto const outcome = run_program(command);
  CHECK(outcome.output == "master: nothing\nrank: nothing\n");
}

TEST_CASE("the death of a rank whose child keeps its descriptors is noticed at once") {
  auto const command = started("lose_a_rank_with_a_child");
  if (is_static(command)) return;
  CAPTURE(command);
  auto const outcome = run_program(command);
  CHECK_THAT(outcome.output, contains("signal 9 (Killed)") && contains("then: true\nin time: true\n"));
}

TEST_CASE("when a master dies whose child keeps its descriptors, its ranks end") {
  auto const command = started("die_with_a_child");
  CAPTURE(command);
  auto const outcome = run_program(command);
#ifdef FARM_SINGLETONS_SPAWN
  CHECK(ended_with(outcome, 137));
#else  // mpiexec of Open MPI 5 exits with 0 if children of the dead process keep its output open
  CHECK((outcome.status == 137 || outcome.status == 9 || outcome.status == 0));
#endif
  CHECK(outcome.left.empty());
}

TEST_CASE("ranks get the arguments of their master, whatever main does to them") {
  auto const scenario = GENERATE(as<std::string>{}, "tell_arguments", "change_arguments");
  auto const command = started(scenario + " \"it's {given} $HOME\"");
  CAPTURE(command);
  auto const outcome = run_program("sh -c '" + std::string{"x=1; "} + "exec \"$@\"' sh " + command);
  CHECK_THAT(outcome.output, contains("argument: it's {given} "));
  CHECK(outcome.left.empty());
}

TEST_CASE("ranks get all arguments of their master, also if launchers cannot take so many") {
  auto const command = started("count_arguments $(seq 1200)");
  if (is_static(command)) return;  // the launcher is the user's
  CAPTURE(command);
  auto const outcome = run_program(command);
  CHECK(outcome.output == "arguments: 1202\n");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("a rank that ends before its Runtime is reported at once, with its status and its output") {
  auto const command = started("end_before_the_runtime");
  if (is_static(command)) return;  // mpiexec ends the job
  std::filesystem::remove("the_master_runs");
  CAPTURE(command);
  auto const outcome = run_program(command);
  CHECK_THAT(outcome.output, contains("exited with status 3 before its farm::Runtime was made: its output: usage: this "
                                      "program wants a licence"));
  CHECK_THAT(outcome.output, contains("in time: true"));
  CHECK(outcome.left.empty());
}

TEST_CASE("a forked child that returns from main leaves the farm to its parent") {
  auto const command = started("fork");
  CAPTURE(command);
  auto const outcome = run_program(command);
  CHECK(outcome.output == "before: true\nchild: 0\nafter: true\narray: 1\n");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}
