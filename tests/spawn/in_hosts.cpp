// Groups on three hosts that with_hosts makes of name spaces; nodeA is the host of this program. The last test cases
// lose hosts, so they must run last.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <fstream>
#include <string>

namespace {

std::string const program = FARM_HOSTS_PROGRAM;                                           // NOLINT: a string
std::string const launched = "FARM_SOURCE=launched FARM_HOSTS=nodeA:2,nodeB:2,nodeC:2 ";  // NOLINT: likewise
std::string const spawned =                                                               // NOLINT: likewise
    FARM_MPIEXEC " --oversubscribe -host nodeA:1,nodeB:4,nodeC:4 -n 1 " FARM_HOSTS_PROGRAM;

/// Blocks until the process on the host has ended.
void wait_for_end_on(std::string const& host, std::string const& pid) {
  while (std::system(fmt::format("on_host {} kill -0 {} 2>/dev/null", host, pid).c_str()) == 0) {
  }
}

std::string content(std::string const& file) {
  std::string text;
  std::getline(std::ifstream{file}, text);
  return text;
}

}  // namespace

TEST_CASE("launched groups are placed on three hosts, each on one where it fits, and share a stage") {
  auto const outcome = run_program(program + " where", launched);
  CHECK(outcome.output == "nodeA nodeA\nnodeB nodeB\nnodeC nodeC\nnodeA nodeC nodeC nodeB nodeB\nsum 1000000\n");
  CHECK(outcome.errors.empty());
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("spawned groups on other hosts reach their master over the network") {
  auto const outcome = run_program(spawned + " where_spawned");
  CHECK(outcome.output == "nodeB nodeB\nnodeC nodeC\n");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("a rank that is killed on another host costs its own task only, launched or spawned") {
  auto const by_launcher = GENERATE(true, false);
  CAPTURE(by_launcher);
  auto const outcome =
      by_launcher ? run_program(program + " lose_a_rank nodeC", launched) : run_program(spawned + " lose_a_rank nodeC");
  CHECK_THAT(outcome.output,
             contains("rank 1 of 2 on nodeC") && contains("signal 9 (Killed)") && contains("then on nodeC\n"));
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("hosts that cannot be reached, or do not share the stage, are reported") {
  auto const unknown = run_program(program + " where", "FARM_SOURCE=launched FARM_HOSTS=nodeX:6");
  CHECK(unknown.status == 1);
  CHECK_THAT(unknown.errors, contains("on_host: there is no host nodeX"));
  auto const wrong = run_program(program + " where", launched + " FARM_ADDRESS=10.77.0.9");
  CHECK(wrong.status == 1);
  CHECK_THAT(wrong.errors, contains("error: "));
  auto const elsewhere =
      run_program(program + " where", "FARM_SOURCE=launched FARM_HOSTS=nodeB:6 FARM_STAGE_DIR=/dev/shm");
  CHECK(elsewhere.status == 1);
  CHECK_THAT(elsewhere.errors,
             contains("nodeB cannot read /dev/shm/") && contains("all hosts must share the stage directory"));
}

TEST_CASE("a host whose link goes down is detected within the heartbeat, and its tasks run elsewhere") {
  auto const outcome = run_program(program + " lose_a_host nodeB 'host_link nodeB down'",
                                   "FARM_HEARTBEAT=2 FARM_SOURCE=launched FARM_HOSTS=nodeA:1,nodeB:1,nodeC:2");
  CHECK(outcome.output == "again elsewhere, 2 never noticed\n1 groups lost\n");
  CHECK_THAT(outcome.errors, contains("the host nodeB is lost, and no more groups are placed there"));
  CHECK(outcome.status == 0);
  wait_for_end_on("nodeB",
                  content("pid"));  // the first attempt ends by its own heartbeat, since the link is still down
  std::system("host_link nodeB up");
}

TEST_CASE("a host that loses power is detected at once, and its tasks run elsewhere") {
  auto const outcome = run_program(program + " lose_a_host nodeC 'kill -9 $(cat $FARM_TEST_HOSTS_DIR/nodeC.pid)'",
                                   "FARM_SOURCE=launched FARM_HOSTS=nodeA:2,nodeB:1,nodeC:1");
  CHECK(outcome.output == "again elsewhere, 2 never noticed\n1 groups lost\n");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("a pool of spawned groups fails at once when it loses a host") {
  auto const outcome = run_program(FARM_MPIEXEC " --oversubscribe -host nodeA:1,nodeB:4 -n 1 " FARM_HOSTS_PROGRAM
                                                " lose_a_host_spawned 'host_link nodeB down' 'host_link nodeB up'",
                                   "FARM_HEARTBEAT=2");
  CHECK(outcome.status != 124);  // it was not ended by the time limit
  CHECK_THAT(outcome.output,
             contains("next: ") && contains("the host nodeB is lost, and the launcher does not survive"));
}
