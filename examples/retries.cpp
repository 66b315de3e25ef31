// $ mpiexec -n 1 -host localhost:3 retries
//
// A task that throws can be run again. If its last attempt throws too, the caller gets that exception: of the standard
// type that was thrown, and as a farm::TaskError that says which task and which rank.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <stdexcept>

/// Fails twice, as a flaky file server may.
int read_sensor(int sensor, farm::TaskContext& context) {
  if (context.attempt() <= 2) throw std::runtime_error("the sensor does not answer");
  return 100 * sensor + static_cast<int>(context.attempt());
}

int check_rows(int rows, farm::Comm const& comm) {
  if (comm.rank() == 1) throw std::out_of_range(fmt::format("row {} does not exist", rows));
  comm.barrier();  // rank 0 waits here for rank 1: the farm releases it
  return rows;
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  fmt::print("{}\n", pool.submit(farm::TaskOptions{.ranks = 1, .retries = 2}, read_sensor, 7).result());
  auto const future = pool.submit(check_rows, 12);
  try {
    future.result();
  } catch (farm::TaskError const& error) {  // error.what() holds all of this, and the host
    fmt::print("task {}, rank {} of {}: {}: {}\n", error.task(), error.rank(), error.ranks(), error.type(),
               error.text());
  }
  try {
    future.result();
  } catch (std::out_of_range const&) {
    fmt::print("the same exception, caught by its standard type\n");
  }
}
