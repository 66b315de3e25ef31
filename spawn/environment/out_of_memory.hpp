#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string_view>

namespace farm::detail {

/// Tells whether the kernel has killed a process for lack of memory.
class OutOfMemory {
 public:
  /// Notes how many processes of this process's control group (cgroup) were killed so far.
  OutOfMemory();

  /// Returns true if the kernel has killed the process for lack of memory, as its log says where it can be read; or if
  /// it has killed any process of the control group since the constructor or the last call. Call it only if signal 9
  /// has ended the process, and nobody of the farm has sent it.
  [[nodiscard]] bool has_killed(pid_t process);

 private:
  std::int64_t before_;
};

/// Returns the number behind "oom_kill" in the content of memory.events or memory.oom_control; -1 if it has none.
[[nodiscard]] std::int64_t oom_kills_in(std::string_view content);

/// Returns true if this line of the kernel's log says that it has killed the process for lack of memory.
[[nodiscard]] bool says_out_of_memory(std::string_view line, pid_t process);

}  // namespace farm::detail
