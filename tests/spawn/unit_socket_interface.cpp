// A process that is no MPI process speaks with a program that a launcher starts.
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/error.hpp>
#include <farm/socket_interface.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::string const echo = FARM_SOCKET_PEER " echo";  // NOLINT: a string

}  // namespace

TEST_CASE("values go to a group of ranks that mpiexec has started, and results come back") {
  farm::SocketInterface solver;
  solver.bootup(FARM_MPIEXEC " --oversubscribe -n 3 " FARM_SOCKET_PEER " sum_up");
  CHECK(solver.alive());
  std::vector<double> numbers(100'000);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  for (int i = 0; i < 3; ++i) CHECK(solver.send_and_receive<double>(numbers) == 99'999.0 * 100'000 / 2);
  solver.shutdown();
  CHECK(!solver.alive());
}

TEST_CASE("the words of a command may be listed in the call") {
  farm::SocketInterface peer;
  CHECK_THROWS_AS(peer.bootup({"/no/such/program", "two"}), farm::SpawnError);
  CHECK_THROWS_AS(peer.bootup({"/no/such/program"}, {.timeout = std::chrono::seconds{5}}), farm::SpawnError);
}

TEST_CASE("values that are sent one after the other are answered in order, however large") {
  farm::SocketInterface peer;
  peer.bootup(echo);
  std::string const large(std::size_t{32} << 20U, 'x');
  for (int i = 0; i < 100; ++i) peer.send(std::to_string(i));
  peer.send(large);
  for (int i = 0; i < 100; ++i) CHECK(peer.receive<std::string>() == fmt::format("{}{}", i, i));
  CHECK(peer.receive<std::string>() == large + large);
}

TEST_CASE("nothing comes in time: the wait ends, and goes on later") {
  farm::SocketInterface peer;
  peer.bootup(echo);
  CHECK_THAT(error_of<farm::TimeoutError>([&] { static_cast<void>(peer.receive<std::string>(1ms)); }),
             contains("nothing was received within 0.001 s"));
  CHECK(peer.send_and_receive<std::string>(std::string{"a"}) == "aa");
}

TEST_CASE("the end of the other end is told with how it came, after what it has sent") {
  struct Case {
    std::string order;
    std::string exit_text;
  };
  auto const [order, exit_text] = GENERATE(values<Case>(
      {{"die", "was ended by signal 9 (Killed)"}, {"leave", "exited with status 4; its output: I am off"}}));
  farm::SocketInterface peer;
  peer.bootup(echo);
  peer.send(std::string{"last"});
  peer.send(order);
  CHECK(peer.receive<std::string>() == "lastlast");
  CHECK_THAT(error_of<farm::GroupLost>([&] { static_cast<void>(peer.receive<std::string>()); }), contains(exit_text));
  CHECK(!peer.alive());
  CHECK_THAT(error_of<farm::GroupLost>([&] { peer.send(1); }), contains(exit_text));
  peer.shutdown();
  peer.bootup(echo);  // the next one
  CHECK(peer.send_and_receive<std::string>(std::string{"a"}) == "aa");
}

TEST_CASE("a command that cannot be started, fails or never comes is refused with what it has said") {
  farm::SocketInterface peer;
  auto const refusal = [&](std::string const& command, farm::SocketInterface::Options const& options = {}) {
    return error_of<farm::SpawnError>([&] { peer.bootup(command, options); });
  };
  CHECK_THAT(refusal("/nonexistent/program"), contains("/nonexistent/program could not be started: No such file"));
  CHECK_THAT(refusal(FARM_SOCKET_PEER " fail"), contains("exited with status 3; its output: no input deck"));
  CHECK_THAT(refusal(FARM_SOCKET_PEER " say_nothing", {.timeout = 300ms}),
             contains("did not connect within 0.3 s") && contains("is still running; its output: I shall never come"));
  CHECK_THAT(refusal(echo, {.working_directory = "/nonexistent"}), contains("/nonexistent: No such file"));
  CHECK_THAT(error_of<farm::UsageError>([&] { peer.bootup(""); }), contains("no command"));
  CHECK_THAT(error_of<farm::UsageError>([&] { peer.send(1); }), contains("call bootup() first"));
  peer.bootup(echo);  // none of these has broken anything
  CHECK_THAT(error_of<farm::UsageError>([&] { peer.bootup(echo); }), contains("runs already"));
}

TEST_CASE("a program that does not end when it is told to is killed, with what it has started") {
  farm::SocketInterface peer;
  peer.bootup(fmt::format("sh -c 'trap \"\" TERM; \"$@\"; sleep 1000' sh {}", echo));
  peer.send(std::string{"hang"});
  peer.shutdown(50ms);
  CHECK(!peer.alive());
}

TEST_CASE("a SocketPeer without a SocketInterface says so") {
  CHECK_THAT(error_of<farm::UsageError>([] { farm::SocketPeer const peer; }),
             contains("no farm::SocketInterface has started this program"));
}
