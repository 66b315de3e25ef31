#include "spawn/isolation/watched_calls.hpp"

#include "spawn/platform/farm_watched.hpp"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <atomic>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

namespace farm::detail {

std::atomic<bool> any_watched_calls{FARM_WATCHES_CALLS == 0};  // NOLINT

namespace {

constexpr std::uint32_t output_descriptors = 1U << STDOUT_FILENO | 1U << STDERR_FILENO;

struct Notes {
  std::atomic<bool> directory{false};
  std::atomic<bool> umask{false};
  std::atomic<bool> signal_mask{false};
  std::atomic<bool> timers{false};
  std::atomic<bool> environment{false};
  std::atomic<bool> locale{false};
  std::atomic<bool> limits{false};
  std::atomic<bool> affinity{false};
  std::atomic<std::uint64_t> signals{0};
  std::atomic<std::uint32_t> descriptors{0};
};

Notes notes;  // NOLINT: one per process, constant-initialized, because libraries may call these functions before main

#if FARM_WATCHES_CALLS

void note(std::atomic<bool>& flag) noexcept {
  flag.store(true, std::memory_order_relaxed);
  any_watched_calls.store(true, std::memory_order_relaxed);
}

template <class Bits>
void note(std::atomic<Bits>& bits, int bit) noexcept {
  if (bit < 0 || bit >= static_cast<int>(8 * sizeof(Bits))) return;
  bits.fetch_or(Bits{1} << static_cast<unsigned>(bit), std::memory_order_relaxed);
  any_watched_calls.store(true, std::memory_order_relaxed);
}

void note_descriptor(int descriptor) noexcept {
  if (descriptor >= STDIN_FILENO && descriptor <= STDERR_FILENO) note(notes.descriptors, descriptor);
}

/// Libc's function behind ours.
template <class Function>
class Hidden {
 public:
  explicit constexpr Hidden(char const* name) noexcept : name_(name) {}
  /// Looks the function up. Only the first call does so: a signal handler or a forked process may make the later ones.
  Function* get() noexcept {
    auto* function = function_.load(std::memory_order_relaxed);
    if (function == nullptr) {
      function = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name_));
      function_.store(function, std::memory_order_relaxed);
    }
    return function;
  }

 private:
  char const* name_;
  std::atomic<Function*> function_{nullptr};
};

// NOLINTBEGIN: they are constant-initialized
Hidden<int(char const*)> next_chdir{"chdir"};
Hidden<int(int)> next_fchdir{"fchdir"};
Hidden<mode_t(mode_t)> next_umask{"umask"};
Hidden<int(int, struct sigaction const*, struct sigaction*)> next_sigaction{"sigaction"};
Hidden<sighandler_t(int, sighandler_t)> next_signal{"signal"};
Hidden<int(int, sigset_t const*, sigset_t*)> next_sigprocmask{"sigprocmask"};
Hidden<int(int, sigset_t const*, sigset_t*)> next_pthread_sigmask{"pthread_sigmask"};
Hidden<unsigned(unsigned)> next_alarm{"alarm"};
Hidden<useconds_t(useconds_t, useconds_t)> next_ualarm{"ualarm"};
Hidden<int(__itimer_which_t, itimerval const*, itimerval*)> next_setitimer{"setitimer"};
Hidden<int(char const*, char const*, int)> next_setenv{"setenv"};
Hidden<int(char const*)> next_unsetenv{"unsetenv"};
Hidden<int(char*)> next_putenv{"putenv"};
Hidden<int()> next_clearenv{"clearenv"};
Hidden<char*(int, char const*)> next_setlocale{"setlocale"};
Hidden<locale_t(locale_t)> next_uselocale{"uselocale"};
Hidden<int(__rlimit_resource_t, rlimit const*)> next_setrlimit{"setrlimit"};
Hidden<int(__rlimit_resource_t, rlimit64 const*)> next_setrlimit64{"setrlimit64"};
Hidden<int(pid_t, std::size_t, cpu_set_t const*)> next_sched_setaffinity{"sched_setaffinity"};
Hidden<int(pthread_t, std::size_t, cpu_set_t const*)> next_pthread_setaffinity{"pthread_setaffinity_np"};
Hidden<int(std::FILE*)> next_fclose{"fclose"};
Hidden<int(int, int)> next_dup2{"dup2"};
Hidden<int(int, int, int)> next_dup3{"dup3"};
Hidden<int(int)> next_close{"close"};
Hidden<std::FILE*(char const*, char const*, std::FILE*)> next_freopen{"freopen"};
Hidden<std::FILE*(char const*, char const*, std::FILE*)> next_freopen64{"freopen64"};
// NOLINTEND

void find_hidden_functions() {
  auto const find = [](auto&... functions) { (static_cast<void>(functions.get()), ...); };
  find(next_chdir, next_fchdir, next_umask, next_sigaction, next_signal, next_sigprocmask, next_pthread_sigmask,
       next_alarm, next_ualarm, next_setitimer, next_setenv, next_unsetenv, next_putenv, next_clearenv, next_setlocale,
       next_uselocale, next_setrlimit, next_setrlimit64, next_sched_setaffinity, next_pthread_setaffinity, next_dup2,
       next_dup3, next_close, next_fclose, next_freopen, next_freopen64);
}

#else

void find_hidden_functions() {}

#endif

}  // namespace

void keep_watched_calls_linked() { find_hidden_functions(); }

WatchedCalls all_watched_calls() noexcept {
  return {.directory = true,
          .umask = true,
          .signal_mask = true,
          .timers = true,
          .environment = true,
          .locale = true,
          .limits = true,
          .affinity = true,
          .signals = ~std::uint64_t{0},
          .descriptors = ~std::uint32_t{0}};
}

WatchedCalls watched_calls() noexcept {
  if (FARM_WATCHES_CALLS == 0) return all_watched_calls();
  auto const get = [](auto const& noted) { return noted.load(std::memory_order_relaxed); };
  return {.directory = get(notes.directory),
          .umask = get(notes.umask),
          .signal_mask = get(notes.signal_mask),
          .timers = get(notes.timers),
          .environment = get(notes.environment),
          .locale = get(notes.locale),
          .limits = get(notes.limits),
          .affinity = get(notes.affinity),
          .signals = get(notes.signals),
          .descriptors = get(notes.descriptors)};
}

void reset_watched_calls() noexcept {
  any_watched_calls.store(FARM_WATCHES_CALLS == 0, std::memory_order_relaxed);
  for (auto* const flag : {&notes.directory, &notes.umask, &notes.signal_mask, &notes.timers, &notes.environment,
                           &notes.locale, &notes.limits, &notes.affinity})
    flag->store(false, std::memory_order_relaxed);
  notes.signals.store(0, std::memory_order_relaxed);
  notes.descriptors.store(0, std::memory_order_relaxed);
}

void forget_output_descriptors() noexcept {
  notes.descriptors.fetch_and(~output_descriptors, std::memory_order_relaxed);
}

}  // namespace farm::detail

using namespace farm::detail;

extern "C" {

#if FARM_WATCHES_CALLS

FARM_WATCHED int chdir(char const* path) noexcept {
  note(notes.directory);
  return next_chdir.get()(path);
}

FARM_WATCHED int fchdir(int descriptor) noexcept {
  note(notes.directory);
  return next_fchdir.get()(descriptor);
}

FARM_WATCHED mode_t umask(mode_t mask) noexcept {
  note(notes.umask);
  return next_umask.get()(mask);
}

FARM_WATCHED int sigaction(int number, struct sigaction const* action, struct sigaction* before) noexcept {
  if (action != nullptr) note(notes.signals, number - 1);
  return next_sigaction.get()(number, action, before);
}

FARM_WATCHED sighandler_t signal(int number, sighandler_t handler) noexcept {
  note(notes.signals, number - 1);
  return next_signal.get()(number, handler);
}

FARM_WATCHED int sigprocmask(int how, sigset_t const* set, sigset_t* before) noexcept {
  if (set != nullptr) note(notes.signal_mask);
  return next_sigprocmask.get()(how, set, before);
}

FARM_WATCHED int pthread_sigmask(int how, sigset_t const* set, sigset_t* before) noexcept {
  if (set != nullptr) note(notes.signal_mask);
  return next_pthread_sigmask.get()(how, set, before);
}

FARM_WATCHED unsigned alarm(unsigned seconds) noexcept {
  note(notes.timers);
  return next_alarm.get()(seconds);
}

FARM_WATCHED useconds_t ualarm(useconds_t first, useconds_t interval) noexcept {
  note(notes.timers);
  return next_ualarm.get()(first, interval);
}

FARM_WATCHED int setitimer(__itimer_which_t which, itimerval const* timer, itimerval* before) noexcept {
  note(notes.timers);
  return next_setitimer.get()(which, timer, before);
}

FARM_WATCHED int setenv(char const* name, char const* value, int replace) noexcept {
  note(notes.environment);
  return next_setenv.get()(name, value, replace);
}

FARM_WATCHED int unsetenv(char const* name) noexcept {
  note(notes.environment);
  return next_unsetenv.get()(name);
}

FARM_WATCHED int putenv(char* entry) noexcept {
  note(notes.environment);
  return next_putenv.get()(entry);
}

FARM_WATCHED int clearenv() noexcept {
  note(notes.environment);
  return next_clearenv.get()();
}

FARM_WATCHED char* setlocale(int category, char const* name) noexcept {
  if (name != nullptr) note(notes.locale);
  return next_setlocale.get()(category, name);
}

FARM_WATCHED locale_t uselocale(locale_t locale) noexcept {
  if (locale != nullptr) note(notes.locale);
  return next_uselocale.get()(locale);
}

FARM_WATCHED int setrlimit(__rlimit_resource_t resource, rlimit const* limit) noexcept {
  note(notes.limits);
  return next_setrlimit.get()(resource, limit);
}

FARM_WATCHED int setrlimit64(__rlimit_resource_t resource, rlimit64 const* limit) noexcept {
  note(notes.limits);
  return next_setrlimit64.get()(resource, limit);
}

FARM_WATCHED int sched_setaffinity(pid_t process, std::size_t size, cpu_set_t const* cores) noexcept {
  note(notes.affinity);
  return next_sched_setaffinity.get()(process, size, cores);
}

FARM_WATCHED int pthread_setaffinity_np(pthread_t thread, std::size_t size, cpu_set_t const* cores) noexcept {
  note(notes.affinity);
  return next_pthread_setaffinity.get()(thread, size, cores);
}

FARM_WATCHED int dup2(int descriptor, int copy) noexcept {
  note_descriptor(copy);
  return next_dup2.get()(descriptor, copy);
}

FARM_WATCHED int dup3(int descriptor, int copy, int flags) noexcept {
  note_descriptor(copy);
  return next_dup3.get()(descriptor, copy, flags);
}

FARM_WATCHED int close(int descriptor) {
  note_descriptor(descriptor);
  return next_close.get()(descriptor);
}

/// Only closes the descriptor of a standard stream: a stream that was closed cannot be opened again.
FARM_WATCHED int fclose(std::FILE* file) {
  if (file != stdin && file != stdout && file != stderr) return next_fclose.get()(file);
  int const flushed = std::fflush(file);
  int const closed = close(fileno(file));
  return flushed != 0 ? flushed : closed;
}

FARM_WATCHED std::FILE* freopen(char const* path, char const* mode, std::FILE* file) {
  note_descriptor(fileno(file));
  return next_freopen.get()(path, mode, file);
}

FARM_WATCHED std::FILE* freopen64(char const* path, char const* mode, std::FILE* file) {
  note_descriptor(fileno(file));
  return next_freopen64.get()(path, mode, file);
}

#endif
}
