#pragma once

#include <farm/initializer.hpp>
#include <farm/worker_options.hpp>

#include <mpi.h>

#include <exception>
#include <functional>
#include <utility>

namespace farm {

/// The options of executors and pools that all ranks of a communicator make together.
struct CommOptions {
  /// The communicator whose ranks make it together.
  MPI_Comm comm = MPI_COMM_WORLD;
  /// The rank that submits tasks, the same on all ranks. All other ranks serve.
  int root = 0;
  /// How many of the serving ranks run a task together.
  int ranks_per_task = 1;
  /// Every serving rank calls it before its first task.
  Initializer initializer{};
  /// Where the ranks work and print; options about starting processes do not apply.
  WorkerOptions workers{};
};

/// Thrown by workers_exit() on ranks that have served. with() catches it.
class WorkersExit : public std::exception {
 public:
  /// Returns what an uncaught one says.
  [[nodiscard]] char const* what() const noexcept override { return "this rank has served, and goes on after with()"; }
};

/// Makes a P from `options` and calls body(p): `with<MPIExecutor>([](auto& pool) { pool.workers_exit(); ... });`. Ranks
/// that have served leave the body at p.workers_exit(). Collective over the communicator; all ranks go on afterwards.
/// Passes on what the body throws, after the serving ranks were let go.
template <class P, class Body>
void with(Body&& body, CommOptions const& options = {}) {
  P p{options};
  try {
    std::invoke(std::forward<Body>(body), p);
  } catch (WorkersExit const&) {
    if (p.is_main()) throw;
  }
}

}  // namespace farm
