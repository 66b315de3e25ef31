#pragma once

#include <farm/detail/engine_owner.hpp>
#include <farm/initializer.hpp>
#include <farm/worker_options.hpp>

#include <mpi.h>

#include <exception>
#include <functional>
#include <memory>
#include <utility>

namespace farm {

/// The options of executors and pools that all ranks of a communicator make together.
struct CommOptions {
  MPI_Comm comm = MPI_COMM_WORLD;
  /// The rank that submits tasks, the same on all ranks. All other ranks serve.
  int root = 0;
  /// How many of the serving ranks run a task together.
  int ranks_per_task = 1;
  /// Every serving rank calls it before its first task.
  Initializer initializer{};
  WorkerOptions workers{};
};

/// Thrown by workers_exit() on ranks that have served. with() catches it.
class WorkersExit : public std::exception {
 public:
  [[nodiscard]] char const* what() const noexcept override { return "this rank has served, and goes on after with()"; }
};

namespace detail {

class CommSession;

[[nodiscard]] std::shared_ptr<CommSession> make_session(CommOptions const& options);
/// Returns the engine on the root, and null on the other ranks.
[[nodiscard]] std::shared_ptr<Engine> make_engine(CommSession const& session, CommOptions const& options);
[[nodiscard]] bool is_root(CommSession const& session);
void close(CommSession& session);

/// The functions of an executor or pool, on the ranks of a communicator. Only the root may use them; other ranks get
/// UsageError.
template <class Functions>
class OverComm : public Functions {
 public:
  OverComm(OverComm const&) = delete;
  OverComm& operator=(OverComm const&) = delete;
  /// Calls shutdown() on the root.
  ~OverComm() {
    if (is_main()) shutdown();
  }

  [[nodiscard]] bool is_main() const { return is_root(*session_); }
  [[nodiscard]] bool is_worker() const { return !is_main(); }
  /// Throws WorkersExit on all ranks but the root, so that only the root runs the rest of the body of with().
  void workers_exit() const {
    if (is_worker()) throw WorkersExit{};
  }

  /// Shuts down as other executors do. With `wait`, the serving ranks then leave their constructor and go on; in a
  /// callback of a future, which cannot wait, they go on when the destructor runs. Does nothing on the serving ranks.
  void shutdown(bool wait = true, bool cancel_futures = false) {
    if (is_worker()) return;
    Functions::shutdown(wait, cancel_futures);
    if (wait) close(*session_);
  }

 protected:
  OverComm(CommOptions const& options, char const* name) : OverComm(make_session(options), options, name) {}

 private:
  OverComm(std::shared_ptr<CommSession> session, CommOptions const& options, char const* name)
      : Functions(make_engine(*session, options), name, "serves the root on this rank: only the root may use it"),
        session_(std::move(session)) {}

  std::shared_ptr<CommSession> session_;
};

}  // namespace detail

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
