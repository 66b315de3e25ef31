#include "spawn/join/join_broadcast.hpp"

#include <farm/mpi_error.hpp>

namespace farm::detail {

void send_join_info(JoinInfo const& join_info, MPI_Comm comm, int root) {
  Bytes packed = pack(join_info);
  auto size = static_cast<int>(packed.size());
  check_mpi(MPI_Bcast(&size, 1, MPI_INT, root, comm), "MPI_Bcast");
  check_mpi(MPI_Bcast(packed.data(), size, MPI_BYTE, root, comm), "MPI_Bcast");
}

JoinInfo receive_join_info(MPI_Comm comm, int root) {
  int size = 0;
  check_mpi(MPI_Bcast(&size, 1, MPI_INT, root, comm), "MPI_Bcast");
  Bytes packed(static_cast<std::size_t>(size), '\0');
  check_mpi(MPI_Bcast(packed.data(), size, MPI_BYTE, root, comm), "MPI_Bcast");
  return unpack<JoinInfo>(packed);
}

}  // namespace farm::detail
