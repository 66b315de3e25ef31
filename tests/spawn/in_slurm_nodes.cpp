// Programs in an allocation of several nodes, which with_slurm makes of name spaces. The last test case loses a node,
// so it must run last.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <string>

namespace {

std::string const program = FARM_HOSTS_PROGRAM;                       // NOLINT: a string
std::string const where = "node1 node1\nnode2 node2\nnode3 node3\n";  // NOLINT: likewise

}  // namespace

TEST_CASE("groups fill up the nodes of an allocation, and span them if they must") {
  auto const outcome = run_program("salloc -Q -p wide -n 6 " + program + " where");
  CHECK(outcome.output == where + "node3 node3 node2 node2 node1\nsum 1000000\n");
  CHECK(outcome.errors == "");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("a rank that is killed on another node of an allocation costs its own task only") {
  auto const outcome = run_program("salloc -Q -p wide -n 6 " + program + " lose_a_rank node2");
  CHECK_THAT(outcome.output,
             contains("rank 1 of 2 on node2") && contains("signal 9 (Killed)") && contains("then on node2\n"));
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}

TEST_CASE("a node of an allocation that loses power costs the groups that had ranks there") {
  auto const outcome = run_program("salloc -Q --no-kill -p wide -N 3 -n 4 " + program +
                                   " lose_a_host node3 'kill -9 $(cat $FARM_TEST_SLURM_DIR/node3.pid)'");
  CHECK(outcome.output == "again elsewhere, 2 never noticed\n1 groups lost\n");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
}
