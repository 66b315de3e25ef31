#include "spawn/hub/static_ranks.hpp"

#include "spawn/hub/hub.hpp"
#include "spawn/join/join_broadcast.hpp"
#include "spawn/sources/static_source.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/mpi_error.hpp>

#include <memory>
#include <utility>

namespace farm::detail {

void connect_static_ranks(Hub& hub, MPI_Comm comm, Slots slots, std::chrono::nanoseconds limit) {
  int size = 1;
  int rank = 0;
  check_mpi(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  auto source = std::make_unique<StaticSource>(hub.source_port(), size, rank, std::move(slots));
  auto& ranks = *source;
  hub.set_source(std::move(source));
  if (size == 1) {
    ranks.serve_here(comm);
    return;
  }
  auto join_info = hub.join_info();
  join_info.build_id = program_build_id();
  send_join_info(join_info, comm, rank);
  ranks.wait_for_all(limit);
}

}  // namespace farm::detail
