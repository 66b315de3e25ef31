#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace farm {

/// How a Client finds its server.
struct ClientOptions {
  /// The state directory of the server. Empty: FARM_DIR, else $XDG_STATE_HOME/farm, else ~/.local/state/farm.
  std::string directory{};
  /// A port on which the server listens, HOST:PORT. Empty: FARM_SERVER unless there is a `directory`; else the server
  /// of the directory.
  std::string server{};
  /// The token for ports. Empty: FARM_TOKEN, else the file `token` of the directory.
  std::string token{};
  /// How long the server may take to answer a request. Then the request throws NoServer.
  std::chrono::nanoseconds timeout = std::chrono::seconds{30};
  /// How long a server that has answered before may be away, because it is started anew: requests wait for it.
  std::chrono::nanoseconds reconnect = std::chrono::minutes{10};
};

/// How a job is run.
struct SubmitOptions {
  /// What listings call the job. Empty: the name of its function or program.
  std::string name{};
  /// The number of ranks that run a task. 0: as the server says.
  int ranks = 0;
  /// The threads of each rank. 0: as the server says.
  int threads = 0;
  /// The GPUs of each rank. None: as the server says.
  std::optional<int> gpus{};
  /// The memory of each rank, in bytes. None: as the server says.
  std::optional<std::int64_t> memory{};
  /// Named resources of each task.
  std::map<std::string, std::int64_t> resources{};
  /// Jobs of higher priority first; those of equal priority share the groups.
  int priority = 0;
  /// How long a task may run. None: no limit.
  std::optional<std::chrono::nanoseconds> timeout{};
  /// How often a task runs again after it threw.
  int retries = 0;
  /// The number of lost groups after which a task is given up. 0: as the server says.
  int max_losses = 0;
  /// Once so many tasks have failed, no other starts. 0: no limit.
  std::int64_t max_fails = 0;
  /// Whether results are taken from the server's cache, and kept there.
  bool cache = false;
  /// Jobs that must have finished first.
  std::vector<std::uint64_t> after{};
  /// Whether the tasks are held until ServiceJob::release().
  bool hold = false;
  /// Variables that the tasks have in their environment, beside those of their ranks.
  std::map<std::string, std::string> environment{};
  /// The working directory of the tasks; a relative path is relative to this process'. Empty: this process' for
  /// programs, that of the ranks for functions.
  std::string directory{};
};

}  // namespace farm
