// $ socket_interface
//
// Drives a program of its own: peers/linear_solver.cpp, an MPI program on two ranks. This process is no MPI process and
// needs no Runtime. The two exchange values through a socket.
#include <farm/socket_interface.hpp>

#include <fmt/ranges.h>

#include <filesystem>
#include <vector>

int main(int /*argc*/, char** argv) {
  auto const solver_program = std::filesystem::absolute(argv[0]).parent_path() / "linear_solver";
  farm::SocketInterface solver;
  solver.bootup({"mpiexec", "-n", "2", "--oversubscribe", solver_program.string()});  // blocks until it has connected

  // Both ends must name the same types: a vector of double goes there, and a vector of double comes back.
  using Values = std::vector<double>;
  for (double const x : {1.0, 2.0, 3.0}) {
    fmt::print("{}\n", solver.send_and_receive<Values>(Values{x, 10 * x, 100 * x}));
  }
  solver.shutdown();  // the solver's receive() returns nothing, and it ends
  fmt::print("alive: {}\n", solver.alive());
}
