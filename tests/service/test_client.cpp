// farm::Client with a real server: a program that is no MPI process, and has no Runtime.
#include "tests/service/server_process.hpp"
#include "tests/support/catch.hpp"

#include <farm/client.hpp>
#include <farm/comm.hpp>
#include <farm/task_registry.hpp>

#include <mpi.h>

#include <fstream>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

using namespace farm;
using namespace std::chrono_literals;

/// The types of the server's function; it is the server's that runs.
std::tuple<int, int, int> calc(int i, Comm const& /*comm*/) { return {i, -1, -1}; }
FARM_TASK(calc, "i")

TEST_CASE("a client submits by types and by names, and gets results and errors") {
  ServerProcess server{new_directory("client-results")};
  REQUIRE(server.start());
  Client client{{.directory = server.directory()}};

  auto const typed = client.submit({.name = "typed", .ranks = 2}, calc, 5);
  auto const named = client.submit<int>("no_op", 7);
  CHECK(typed.result() == std::tuple{5, 2, 0});
  CHECK(named.result() == 7);
  CHECK(typed.job().info().name == "typed");

  auto const failed = client.submit<int>("fail", 3);
  CHECK_THROWS_AS(failed.result(), std::invalid_argument);
  try {
    failed.result();
  } catch (TaskError const& error) {
    CHECK(error.text() == "3 is refused");
    CHECK(error.rank() == 0);
    CHECK_FALSE(error.host().empty());
  }

  auto const many = client.map(calc, std::vector{1, 2, 3});
  CHECK(many.results() == std::vector<std::tuple<int, int, int>>{{1, 1, 0}, {2, 1, 0}, {3, 1, 0}});
  CHECK(many[1].result() == std::tuple{2, 1, 0});
  CHECK(many.job().info().finished == 3);

  CHECK(client.run({.command = {"true"}}).result().ok());
  CHECK_THROWS_AS(client.run({.command = {"false"}}).result(), ProgramError);
  CHECK_THROWS_AS(client.submit<int>("no_such", 1), ServiceError);
  CHECK(client.jobs().size() == 7 - 1);

  int is_initialized = 0;
  MPI_Initialized(&is_initialized);
  CHECK(is_initialized == 0);
}

TEST_CASE("a future outlives its server") {
  ServerProcess server{new_directory("client-restart")};
  REQUIRE(server.start());
  auto const file = (server.directory().parent_path() / "go").string();
  Client client{{.directory = server.directory()}};
  auto const future = client.submit<int>("wait_for", file);
  CHECK_FALSE(future.wait_for(10ms));
  std::thread waiter{[&] { CHECK(future.result() >= 1); }};
  server.kill();
  server.wait();
  REQUIRE(server.start());
  std::ofstream{file} << "";
  waiter.join();
  CHECK(client.future<int>(future.job().number()).done());
}

TEST_CASE("a task is cancelled, and a job is held and released") {
  ServerProcess server{new_directory("client-cancel")};
  REQUIRE(server.start());
  Client client{{.directory = server.directory()}};
  auto const future = client.submit<int>("wait_for", "/not/there");
  REQUIRE(becomes_true([&] { return future.job().info().running == 1; }));
  CHECK(future.cancel());
  CHECK_THROWS_AS(future.result(), CancelledError);
  CHECK_FALSE(future.cancel());
  auto const held = client.submit<int>({.hold = true}, "no_op", 1);
  CHECK(held.job().info().state == JobState::held);
  CHECK(held.job().release() == 1);
  CHECK(held.result() == 1);
  held.job().forget();
  CHECK_THROWS_AS(held.result(), ServiceError);
}
