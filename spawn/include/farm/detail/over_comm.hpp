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

/// Of the executors and pools that all ranks of a communicator make together.
struct CommOptions {
  MPI_Comm comm = MPI_COMM_WORLD;
  /// The rank that submits tasks; all others serve. The same on all ranks.
  int root = 0;
  /// The serving ranks work in groups of so many.
  int ranks_per_task = 1;
  /// Called by every serving rank before its first task.
  Initializer initializer{};
  WorkerOptions workers{};
};

/// What workers_exit() throws on the ranks that have served: with() ends its body by it.
class WorkersExit : public std::exception {
 public:
  [[nodiscard]] char const* what() const noexcept override { return "this rank has served, and goes on after with()"; }
};

namespace detail {

class CommSession;

[[nodiscard]] std::shared_ptr<CommSession> make_session(CommOptions const& options);
/// At the root; null on the others.
[[nodiscard]] std::shared_ptr<Engine> make_engine(CommSession const& session, CommOptions const& options);
[[nodiscard]] bool is_root(CommSession const& session);
void close(CommSession& session);

/// The functions of an executor or pool, over the ranks of a communicator. Only the root may use them: UsageError
/// elsewhere.
template <class Functions>
class OverComm : public Functions {
 public:
  OverComm(OverComm const&) = delete;
  OverComm& operator=(OverComm const&) = delete;
  /// At the root shutdown().
  ~OverComm() {
    if (is_main()) shutdown();
  }

  [[nodiscard]] bool is_main() const { return is_root(*session_); }
  [[nodiscard]] bool is_worker() const { return !is_main(); }
  /// Throws WorkersExit on all ranks but the root: what follows, up to the end of with(), is for the root.
  void workers_exit() const {
    if (is_worker()) throw WorkersExit{};
  }

  /// As of the other executors; and, where it waits, the serving ranks leave their constructor and go on: from a
  /// callback of a future it does not wait, and they go on when the destructor does. Nothing on those ranks.
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

/// Makes a P of `options` and calls body(p), which the ranks that have served leave where it calls p.workers_exit();
/// afterwards all ranks go on: `with<MPIExecutor>([](auto& pool) { pool.workers_exit(); ... });`. Collective over the
/// communicator. What the body throws otherwise leaves it, the others having been sent on.
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
