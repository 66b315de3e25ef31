#pragma once

#include "core/base/descriptor.hpp"
#include "spawn/isolation/stream_states.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <array>
#include <cfenv>
#include <clocale>
#include <csignal>
#include <cstdint>
#include <locale>
#include <map>
#include <string>
#include <vector>

namespace farm::detail {

struct WatchedCalls;

/// What a task may change in its process and the next task would find changed: the working directory, the environment,
/// umask, signal handlers, the signal mask of the calling thread, timers of alarm() and setitimer(), descriptors 0 to
/// 2, the floating point control (rounding, traps, denormals), the C and C++ locale, the C and C++ standard streams,
/// soft resource limits, and the cores of the calling thread.
///
/// Static variables, other open files, threads, memory, hard resource limits and loaded libraries are not part of it,
/// because nothing can put them back. Tasks that need a fresh process for these have tasks_per_group = 1.
class ProcessState {
 public:
  /// Notes the present state. Call it on the thread that runs the tasks.
  ProcessState();

  /// Puts back the buffers of the C++ standard streams. Call it before the streams are flushed, because a task may have
  /// given them a buffer that no longer exists.
  void restore_stream_buffers() { streams_.restore_buffers(); }
  /// Puts back what has changed since the constructor, on the same thread, after restore_stream_buffers(). Costs some
  /// 10 ns if nothing has changed. Throws std::system_error if the working directory cannot be entered any more.
  void restore() {
    if (has_changed()) restore_changes(false);
  }
  /// The same, also if another ProcessState was made and restored since.
  void restore_all() { restore_changes(true); }

 private:
  struct Handler {
    int signal;
    struct sigaction action;
  };

  [[nodiscard]] bool has_changed() const;
  void restore_changes(bool all);
  void restore_environment();
  void restore_signals(std::uint64_t which);
  void restore_descriptors(std::uint32_t which);
  void restore_locale();
  void restore_limits() const;
  void restore_what_is_watched(WatchedCalls const& called);

  Descriptor directory_;  ///< open, so that it can be entered even if it was moved or removed
  std::string directory_name_;
  mode_t umask_;
  char** environ_;                                  ///< the array itself
  std::map<std::string, std::string> environment_;  ///< the values, of which setenv() keeps no copy
  std::vector<Handler> handlers_;
  sigset_t mask_{};
  std::array<Descriptor, 3> descriptors_;  ///< copies of descriptors 0 to 2
  std::fenv_t floating_point_{};
  std::uint64_t floating_point_control_;
  std::string c_locale_;
  locale_t thread_locale_;
  std::locale locale_;
  StreamStates streams_;
  std::array<rlimit, RLIMIT_NLIMITS> limits_{};
  cpu_set_t cores_{};  ///< of the calling thread
};

}  // namespace farm::detail
