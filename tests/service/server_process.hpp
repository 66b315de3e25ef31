#pragma once

#include "spawn/service/http/client.hpp"

#include <nlohmann/json.hpp>

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

/// A real server in a process of its own, as a user starts it.
class ServerProcess {
 public:
  enum class Source { spawned, launched };

  /// The server is not started yet. `words` follow `serve --dir DIR`.
  explicit ServerProcess(std::filesystem::path directory, Source source = Source::launched,
                         std::vector<std::string> words = {});
  ServerProcess(ServerProcess const&) = delete;
  ServerProcess& operator=(ServerProcess const&) = delete;
  /// Kills the server and its groups.
  ~ServerProcess();

  /// Starts the server, and waits until it answers, or has ended. Returns true if it answers.
  bool start();
  /// Kills the server itself: not mpiexec, and not its groups.
  void kill();
  /// Sends a signal to the server.
  void signal(int number) const;
  /// Asks the server to stop, and waits for its end. Returns its exit status.
  int stop(std::string const& mode = "now");
  /// Waits for the end of the process that was started. Returns its exit status, or 128 + signal.
  int wait();

  /// Returns the reply's body as JSON, and checks the status.
  nlohmann::json get(std::string const& target, int status = 200);
  nlohmann::json post(std::string const& target, std::string const& body = {}, int status = 200);
  /// Submits tasks of a function, and returns the job's number.
  std::uint64_t submit(nlohmann::json const& spec, std::vector<std::string> const& inputs);
  /// Waits for the job's end, and returns it.
  nlohmann::json wait_for_job(std::uint64_t job);
  [[nodiscard]] farm::detail::http::Client client(double limit = 60) const;

  [[nodiscard]] std::filesystem::path const& directory() const { return directory_; }
  /// Returns what the server has printed since its start.
  [[nodiscard]] std::string output() const;
  [[nodiscard]] pid_t process() const;

 private:
  void end_groups() const;

  std::filesystem::path directory_;
  Source source_;
  std::vector<std::string> words_;
  pid_t started_ = 0;  ///< mpiexec, or the server itself
};

/// Returns the JSON of a job of one function.
[[nodiscard]] nlohmann::json job_of(std::string const& function, nlohmann::json const& options = {});

/// Makes a directory for one test, below the present one, which is the test's scratch directory.
[[nodiscard]] std::filesystem::path new_directory(std::string const& name);

/// Calls `condition` until it is true, for a minute at most. Returns whether it became true.
template <class Condition>
bool becomes_true(Condition condition, int seconds = 60) {
  auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}
