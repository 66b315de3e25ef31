// socket_peer SCENARIO: the program that the tests of SocketInterface start.
#include <farm/farm.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

namespace {

/// Sums the numbers that rank 0 receives. All ranks compute a part each; rank 0 answers.
void sum_up() {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  std::optional<farm::SocketPeer> peer;
  if (rank == 0) peer.emplace();
  for (;;) {
    std::vector<double> numbers;
    int count = -1;
    if (peer) {
      if (auto const received = peer->receive<std::vector<double>>()) {
        numbers = *received;
        count = static_cast<int>(numbers.size());
      }
    }
    MPI_Bcast(&count, 1, MPI_INT, 0, MPI_COMM_WORLD);
    if (count < 0) return;
    numbers.resize(static_cast<std::size_t>(count));
    MPI_Bcast(numbers.data(), count, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    double mine = 0;
    for (auto i = static_cast<std::size_t>(rank); i < numbers.size(); i += static_cast<std::size_t>(size))
      mine += numbers[i];
    double sum = 0;
    MPI_Reduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    if (peer) peer->send(sum);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string const scenario = argc > 1 ? argv[1] : "";
  if (scenario == "sum_up") {
    MPI_Init(&argc, &argv);
    sum_up();
    MPI_Finalize();
    return 0;
  }
  if (scenario == "say_nothing") {
    fmt::print("I shall never come\n");
    std::fflush(stdout);
    pause();
  }
  if (scenario == "fail") {
    fmt::print(stderr, "no input deck\n");
    return 3;
  }
  try {
    farm::SocketPeer peer;
    while (auto const text = peer.receive<std::string>()) {
      if (*text == "die") raise(SIGKILL);
      if (*text == "leave") {
        fmt::print(stderr, "I am off\n");
        return 4;
      }
      if (*text == "hang") pause();
      peer.send(*text + *text);
    }
  } catch (std::exception const& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 5;
  }
}
