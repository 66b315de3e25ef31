#pragma once

#include "core/scheduler/scheduler_port.hpp"

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace farm::detail {

/// What threads wait for at an engine: its groups to be ready, and its end. The hub's thread tells; thread-safe.
class EngineStatus {
 public:
  /// How the start of a group has ended.
  enum class StartEnd : std::uint8_t { ready, failed, withdrawn };

  /// The groups that one call of bootup() waits for.
  struct Boot {
    bool begun = false;  ///< the groups are known
    bool any_ready = false;
    std::set<GroupId> starting;
    std::string failure;  ///< why the last of them could not be started
  };

  /// Notes which groups are being started now, and whether some are ready.
  void boot_begun(std::shared_ptr<Boot> const& boot, std::vector<GroupId> const& starting, bool any_ready);
  void start_ended(GroupId id, StartEnd end, std::string const& why = {});
  /// No task can run any more: all end with this error.
  void broken(std::exception_ptr error);
  /// No more tasks are accepted.
  void shut_down();
  /// All tasks are done and all groups are gone.
  void drained();

  [[nodiscard]] bool is_drained();
  void wait_drained();
  /// Returns true unless shut_down() or broken() was called.
  [[nodiscard]] bool is_usable();
  /// Throws the error of broken(), and ShutdownError after shut_down().
  void check_usable();
  /// Blocks until boot_begun() was called and none of the boot's groups is being started any more. Throws as
  /// check_usable(), also if the engine becomes unusable meanwhile; and SpawnError if groups failed to start and none
  /// is ready.
  void wait_booted(Boot const& boot);

 private:
  void throw_if_unusable() const;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool shut_down_ = false;
  bool drained_ = false;
  std::vector<std::shared_ptr<Boot>> boots_;  ///< those that wait for groups
  std::exception_ptr broken_with_;
};

}  // namespace farm::detail
