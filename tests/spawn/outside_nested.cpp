// Tasks and masters that start MPI programs by mpiexec, as users do with std::system.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <string>

namespace {

std::string const program = FARM_NESTING_PROGRAM;  // NOLINT: a string

/// How the outer program is started.
struct Start {
  std::string command;
  std::string environment;
};

/// Open MPI 5 prints an error in any program with several ranks if an interface of this machine leads nowhere.
std::string const loopback = " OMPI_MCA_btl_tcp_if_include=lo";  // NOLINT: a string

/// One for each source of groups.
Start start_of(int which) {
  switch (which) {
    case 0:
#ifdef FARM_SINGLETONS_SPAWN
      return {"", "FARM_SOURCE=spawned FARM_MAX_WORKERS=4"};
#else
      return {"", "FARM_MAX_WORKERS=4"};  // launched
#endif
    case 1:
      return {FARM_MPIEXEC " -n 1 -host localhost:4 ", "FARM_SOURCE=spawned FARM_MAX_WORKERS=3"};
    case 2:
      return {FARM_MPIEXEC " -n 3 --oversubscribe ", "FARM_SOURCE=static FARM_MAX_WORKERS=2"};
    default:
      return {"", "FARM_SOURCE=launched FARM_HOSTS=localhost:2 FARM_MAX_WORKERS=2"};
  }
}

std::string in_double_quotes(std::string const& command) { return "\"" + command + "\""; }

std::string mpiexec(int ranks, std::string const& arguments) {
  return fmt::format(FARM_MPIEXEC " --oversubscribe -n {} {} {}", ranks, program, arguments);
}

}  // namespace

TEST_CASE("a task runs mpiexec, and its group works on, from every source, with guards and without") {
  auto const which = GENERATE(0, 1, 2, 3);
  auto const start = start_of(which);
  auto const guards = std::string{which % 2 == 0 ? "" : " FARM_GUARD=0"};
  CAPTURE(start.command, start.environment, guards);
  auto const outcome = run_program(start.command + program + " task " + in_double_quotes(mpiexec(2, "plain")),
                                   start.environment + guards + loopback);
  CHECK(outcome.status == 0);
  CHECK(outcome.output ==
        "plain: 2 ranks, sum 1\n"
        "OMPI_COMM_WORLD_LOCAL_RANK set, OMPI_COMM_WORLD_RANK set, OMPI_UNIVERSE_SIZE unset, PMIX_RANK unset, "
        "FARM_MAX_WORKERS unset, \n"
        "rank 0 differs by 0 and 0\nrank 1 differs by 0 and 0\nthen 1\nspawned 1\n");
  CHECK(outcome.errors.empty());
  CHECK(outcome.left.empty());
}

TEST_CASE("a task runs programs that are masters themselves, by mpiexec and alone, from every source") {
  auto const start = start_of(GENERATE(0, 1, 2, 3));
  CAPTURE(start.command, start.environment);
  auto const commands = mpiexec(1, "work") + " && " + mpiexec(3, "work") + " && " + program + " work";
  auto const outcome =
      run_program(start.command + program + " task " + in_double_quotes(commands), start.environment + loopback);
  CHECK(outcome.status == 0);
  CHECK(outcome.output.starts_with("work: 42\nwork: 42\nwork: 42\nOMPI_COMM_WORLD_LOCAL_RANK set, "));
  CHECK(outcome.output.ends_with("then 1\nspawned 1\n"));
  CHECK(outcome.errors.empty());
  CHECK(outcome.left.empty());
}

TEST_CASE("a master runs mpiexec with launcher_environment(), or after remove_launcher_variables()") {
  auto const start = start_of(GENERATE(0, 1, 2, 3));
  CAPTURE(start.command, start.environment);
  auto const outcome = run_program(start.command + program + " master " + in_double_quotes(mpiexec(2, "plain")),
                                   start.environment + loopback);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "plain: 2 ranks, sum 1\nposix_spawn: status 0\nplain: 2 ranks, sum 1\nthen 1\n");
  CHECK(outcome.errors.empty());
  CHECK(outcome.left.empty());
}
