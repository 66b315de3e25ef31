// The program that socket_interface starts. All of its ranks work on each input; rank 0 alone talks to the other side.
#include <farm/socket_interface.hpp>

#include <mpi.h>

#include <optional>
#include <vector>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::optional<farm::SocketPeer> peer;
  if (rank == 0) peer.emplace();  // connects to the SocketInterface that has started this program
  for (;;) {
    std::optional<std::vector<double>> input;
    if (peer) input = peer->receive<std::vector<double>>();  // nothing: the other side has shut down
    int size = input ? static_cast<int>(input->size()) : -1;
    MPI_Bcast(&size, 1, MPI_INT, 0, MPI_COMM_WORLD);
    if (size < 0) break;
    std::vector<double> values = input.value_or(std::vector<double>(static_cast<std::size_t>(size)));
    MPI_Bcast(values.data(), size, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    MPI_Allreduce(MPI_IN_PLACE, values.data(), size, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);  // the number of ranks times
    if (peer) peer->send(values);
  }
  MPI_Finalize();
}
