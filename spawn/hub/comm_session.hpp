#pragma once

#include <farm/comm.hpp>

#include <mpi.h>

#include <sys/types.h>
#include <unistd.h>

#include <memory>

namespace farm::detail {

class Hub;

/// A communicator's ranks, lent to an executor: one rank is the master, the others serve it until the session is
/// closed.
class CommSession {
 public:
  /// Collective over `comm`. Returns on the root when all ranks have connected, and on the others when the root has
  /// closed the session. Throws GroupLost on the others if the root dies; SpawnError on the root if not all ranks
  /// connect; and UsageError on all ranks if MPI is not initialized, if `root` is not a rank or differs between ranks,
  /// or if this process is in a session or a task already.
  CommSession(MPI_Comm comm, int root);
  CommSession(CommSession const&) = delete;
  CommSession& operator=(CommSession const&) = delete;
  /// Calls close().
  ~CommSession();

  [[nodiscard]] bool is_root() const { return is_root_; }
  /// Returns the hub for the root's engine; null on the other ranks.
  [[nodiscard]] std::shared_ptr<Hub> const& hub() const { return hub_; }
  /// Lets the other ranks go on. Call it on the root after the engine was shut down. Blocks until they have left. Does
  /// nothing in a callback of a future, which would wait for its own thread. May be called more than once.
  void close();

 private:
  Comm all_;
  pid_t owner_ = getpid();
  bool is_root_ = false;
  bool open_ = false;
  std::shared_ptr<Hub> hub_;
};

}  // namespace farm::detail
