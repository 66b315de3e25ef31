#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>

namespace farm::detail {

/// What threads wait for at an engine: its groups to be ready, and its end. The hub's thread tells; thread-safe.
class EngineStatus {
 public:
  void group_ready();
  void start_failed(std::string const& why);
  /// No task can run any more: all end with this error.
  void broken(std::exception_ptr error);
  /// All tasks are done and all groups are gone.
  void drained();

  [[nodiscard]] bool is_drained();
  void wait_drained();
  /// Blocks until so many groups are ready or could not be started. Throws the error of broken(), or SpawnError if no
  /// group is ready.
  void wait_ready(int groups);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool drained_ = false;
  int ready_ = 0;
  int failed_ = 0;
  std::string failure_;  ///< why the last group could not be started
  std::exception_ptr broken_with_;
};

}  // namespace farm::detail
