#pragma once

#include <farm/comm.hpp>

#include <mpi.h>

#include <memory>

namespace farm::detail {

class Hub;

/// All ranks of a communicator, of which one is the master and the others serve it, for a while.
class CommSession {
 public:
  /// Collective over `comm`. At the root it returns at once; on the others when the root has closed the session, and
  /// throws GroupLost where the root is gone. Throws UsageError on all ranks where MPI is not initialized or `root` is
  /// no rank or not the same everywhere, and where this process is in a session or a task already.
  CommSession(MPI_Comm comm, int root);
  CommSession(CommSession const&) = delete;
  CommSession& operator=(CommSession const&) = delete;
  /// close()
  ~CommSession();

  [[nodiscard]] bool is_root() const { return is_root_; }
  /// At the root, for its engine; all others have none.
  [[nodiscard]] std::shared_ptr<Hub> const& hub() const { return hub_; }
  /// At the root: sends the others on, after the engine was shut down. Blocks; nothing from a callback of a future,
  /// which runs on the thread that would have to go on. May be called more than once.
  void close();

 private:
  Comm all_;
  bool is_root_ = false;
  bool open_ = false;
  std::shared_ptr<Hub> hub_;
};

}  // namespace farm::detail
