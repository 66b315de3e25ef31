#pragma once

#include "spawn/service/dispatch/dispatcher.hpp"

#include <farm/mpi_spawn_pool.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace farm::detail {

/// A server: the state directory with its queue, a pool, and the requests of clients. Needs the Runtime of a master.
class Service {
 public:
  struct Options {
    std::filesystem::path directory{};
    std::vector<std::string> listen{};  ///< HOST:PORT; none: the Unix socket only
    bool has_page = false;              ///< whether the ports serve the page; they listen on loopback if there is none
    MPISpawnPool::Options pool{};
    std::chrono::seconds reconnect{600};  ///< how long groups that outlive the server wait for the next one
    std::string program{};                ///< as the user called it
    /// Whether the server stops by itself once all jobs have ended and nothing was asked for in so many seconds. 0: no.
    double idle_limit = 0;
  };

  /// Opens all, and takes up what an earlier server has left. Throws StateError, StoreError, SpawnError, UsageError,
  /// and std::system_error if it cannot listen.
  explicit Service(Options options);
  /// Ends what runs, as Dispatcher::How::now does, unless stop() has done so.
  ~Service();
  Service(Service const&) = delete;
  Service& operator=(Service const&) = delete;

  /// Returns lines for the user: where the server listens, how many slots it has and from where, what was resumed, and
  /// how to submit.
  [[nodiscard]] std::vector<std::string> greeting() const;
  /// Lets tasks start. Blocks until somebody stops the server and nothing runs any more.
  void run();
  /// Stops the server in this way; a second call with a more urgent way is heeded. Returns at once. Thread-safe.
  void stop(Dispatcher::How how);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace farm::detail
