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

/// Starts groups with MPI_Comm_spawn, one after the other, on a thread of its own: a spawn takes long, cannot be
/// interrupted, and Open MPI 4.1 does not support two at once.
class Spawner {
 public:
  struct Request {
    JoinInfo join_info;
    std::string join_file;  ///< by which guards know it at once; empty: there is none
    int ranks = 1;
    int peak_ranks = 1;  ///< ranks that may be alive at once, of this and other groups
    WorkerOptions options;
    std::function<void()> begun;                        ///< called on the spawner's thread
    std::function<void(std::string const& why)> ended;  ///< likewise; `why` is empty where it succeeded
  };

  Spawner();
  Spawner(Spawner const&) = delete;
  Spawner& operator=(Spawner const&) = delete;
  /// Waits for a spawn that is under way; others are dropped.
  ~Spawner();

  void request(Request request);
  /// True where the request had not begun; it will not be answered.
  bool withdraw(std::uint64_t group);
  /// Lets go of a spawn that never returns. Nothing may be asked of the spawner afterwards but its destruction.
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
