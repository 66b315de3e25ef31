#pragma once

#include <atomic>
#include <cstdint>

/// The calls by which a task changes its process for the tasks after it. The farm defines these functions itself, in
/// front of those of libc. Each notes that it was called and passes the call on, so the farm need not ask the system
/// after each task what has changed.
namespace farm::detail {

/// Finds the functions of libc behind ours. The Runtime calls it, also so that the linker includes our functions in
/// every program that has a Runtime.
void keep_watched_calls_linked();

/// The calls since the last reset_watched_calls(), by any thread of this process.
struct WatchedCalls {
  bool directory = false;     ///< chdir, fchdir
  bool umask = false;         ///< umask
  bool signal_mask = false;   ///< sigprocmask, pthread_sigmask
  bool timers = false;        ///< alarm, ualarm, setitimer
  bool environment = false;   ///< setenv, unsetenv, putenv, clearenv
  bool locale = false;        ///< setlocale, uselocale
  bool limits = false;        ///< setrlimit
  bool affinity = false;      ///< sched_setaffinity, pthread_setaffinity_np
  std::uint64_t signals = 0;  ///< sigaction, signal: bit N-1 stands for signal N
  std::uint32_t descriptors =
      0;  ///< dup2, dup3, close, fclose, freopen of descriptors 0 to 2: bit N stands for descriptor N
};
[[nodiscard]] WatchedCalls watched_calls() noexcept;
/// All calls, as if each had been made.
[[nodiscard]] WatchedCalls all_watched_calls() noexcept;
void reset_watched_calls() noexcept;
/// True if watched_calls() has anything to tell.
extern std::atomic<bool> any_watched_calls;  // NOLINT: read after each task
/// Takes back what was noted of stdout and stderr, because the caller has restored both.
void forget_output_descriptors() noexcept;

}  // namespace farm::detail
