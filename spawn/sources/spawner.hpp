#pragma once

#include "spawn/join/join_info.hpp"

#include <farm/worker_options.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace farm::detail {

/// Starts groups, one after the other, on a thread of its own: by PMIx_Spawn, or by MPI_Comm_spawn if there is no PMIx.
/// MPI_Comm_spawn takes long and cannot be interrupted, and Open MPI 4.1 does not support two at once.
class Spawner {
 public:
  struct Request {
    JoinInfo join_info;
    std::string join_file;  ///< by which ranks know join_info before MPI starts; empty: there is no file
    std::string host_file;  ///< the path of a file that names the hosts, if they need one
    bool may_use_other_hosts = false;
    int ranks = 1;
    int peak_ranks = 1;  ///< the most ranks that may be alive at once, of this and other groups
    WorkerOptions options;
    std::function<void(bool by_mpi)> begun;             ///< called on the spawner's thread; false: by PMIx_Spawn
    std::function<void(std::string const& why)> ended;  ///< likewise; `why` is empty if the spawn succeeded
  };

  Spawner();
  Spawner(Spawner const&) = delete;
  Spawner& operator=(Spawner const&) = delete;
  /// Waits for a spawn that is under way, and drops other requests.
  ~Spawner();

  void request(Request request);
  /// Drops a request. Returns true if its spawn had not begun: `begun` and `ended` will not be called.
  bool withdraw(std::uint64_t group);
  /// Gives up a spawn that never returns. Its thread still uses the spawner, which must not be used or destroyed
  /// afterwards.
  void abandon();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> requests_;
  bool stop_ = false;
  bool abandoned_ = false;
  std::thread thread_;
};

}  // namespace farm::detail
