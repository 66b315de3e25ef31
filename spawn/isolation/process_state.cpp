#include "spawn/isolation/process_state.hpp"

#include "spawn/isolation/watched_calls.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <system_error>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace farm::detail {
namespace {

mode_t current_umask() {
  mode_t const mask = ::umask(0);
  ::umask(mask);
  return mask;
}

std::string current_directory() {
  std::error_code error;  // there is no directory if it was removed
  return std::filesystem::current_path(error).string();
}

std::map<std::string, std::string> variables() {
  std::map<std::string, std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view const line{*entry};
    auto const equals = line.find('=', 1);
    if (equals != std::string_view::npos) all.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return all;
}

/// Returns the floating point control as a number, which differs if rounding, traps, or (x86) the treatment of
/// denormals or the precision do.
std::uint64_t floating_point_control() {
#if defined(__x86_64__)
  constexpr unsigned flags = 0x3f;  // which exceptions have occurred
  std::uint16_t x87 = 0;
  asm volatile("fnstcw %0" : "=m"(x87));  // NOLINT(hicpp-no-assembler)
  return std::uint64_t{_mm_getcsr() & ~flags} << 16U | x87;
#else
  return std::uint64_t{static_cast<unsigned>(std::fegetround())} << 32U | static_cast<unsigned>(fegetexcept());
#endif
}

std::array<Descriptor, 3> copies_of_descriptors() {
  auto const copy = [](int number) { return Descriptor{fcntl(number, F_DUPFD_CLOEXEC, 3)}; };
  return {copy(STDIN_FILENO), copy(STDOUT_FILENO), copy(STDERR_FILENO)};
}

bool refer_to_same_file(int a, int b) {
  struct stat of_a {};
  struct stat of_b {};
  return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

bool same(struct sigaction const& a, struct sigaction const& b) {
  constexpr std::size_t kernel_mask = NSIG / 8;  // the rest of sigset_t is not set
  constexpr int restorer = 0x04000000;           // SA_RESTORER, which libc sets when it passes the action on
  return a.sa_handler == b.sa_handler && (a.sa_flags | restorer) == (b.sa_flags | restorer) &&
         std::memcmp(&a.sa_mask, &b.sa_mask, kernel_mask) == 0;
}

/// Stops the timers that alarm() and setitimer() start: their signals would reach a later task.
void stop_timers() {
  itimerval const none{};
  setitimer(ITIMER_REAL, &none, nullptr);
  setitimer(ITIMER_VIRTUAL, &none, nullptr);
  setitimer(ITIMER_PROF, &none, nullptr);
}

/// Returns true if both are the same object. Equality is more, and costs more.
bool same(std::locale const& a, std::locale const& b) {
  return std::memcmp(static_cast<void const*>(&a), static_cast<void const*>(&b), sizeof a) == 0;
}

}  // namespace

ProcessState::ProcessState()
    : directory_(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)),
      directory_name_(current_directory()),
      umask_(current_umask()),
      environ_(environ),
      environment_(variables()),
      descriptors_(copies_of_descriptors()),
      floating_point_control_(floating_point_control()),
      c_locale_(std::setlocale(LC_ALL, nullptr)),
      thread_locale_(uselocale(nullptr)) {
  for (int signal = 1; signal < NSIG; ++signal) {
    Handler handler{.signal = signal, .action = {}};
    if (sigaction(signal, nullptr, &handler.action) == 0) handlers_.push_back(handler);
  }
  pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
  std::fegetenv(&floating_point_);
  for (unsigned each = 0; each < limits_.size(); ++each) {
    getrlimit(static_cast<__rlimit_resource>(each), &limits_.at(each));
  }
  sched_getaffinity(0, sizeof cores_, &cores_);
  reset_watched_calls();
}

void ProcessState::restore_environment() {
  for (auto const& [name, value] : variables()) {
    if (!environment_.contains(name)) unsetenv(name.c_str());
  }
  for (auto const& [name, value] : environment_) {
    char const* const found = getenv(name.c_str());
    if (found == nullptr || value != found) setenv(name.c_str(), value.c_str(), 1);
  }
  environ_ = environ;
}

void ProcessState::restore_signals(std::uint64_t which) {
  for (auto const& handler : handlers_) {
    if ((which >> static_cast<unsigned>(handler.signal - 1) & 1U) == 0) continue;
    struct sigaction now {};
    if (sigaction(handler.signal, nullptr, &now) == 0 && !same(now, handler.action))
      sigaction(handler.signal, &handler.action, nullptr);
  }
}

void ProcessState::restore_descriptors(std::uint32_t which) {
  if (which == 0) return;
  std::cout.flush();
  std::fflush(stdout);
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    auto const& before = descriptors_.at(static_cast<std::size_t>(number));
    if ((which >> static_cast<unsigned>(number) & 1U) == 0 || !before || refer_to_same_file(number, before.get()))
      continue;
    dup2(before.get(), number);
  }
}

void ProcessState::restore_locale() {
  if (uselocale(nullptr) != thread_locale_) uselocale(thread_locale_);
  if (std::locale{} != locale_) std::locale::global(locale_);  // this may set the C locale, too
  if (c_locale_ != std::setlocale(LC_ALL, nullptr)) std::setlocale(LC_ALL, c_locale_.c_str());
}

void ProcessState::restore_limits() const {
  for (unsigned each = 0; each < limits_.size(); ++each) {
    auto const resource = static_cast<__rlimit_resource>(each);
    auto const& before = limits_.at(each);
    rlimit now{};
    if (getrlimit(resource, &now) != 0 || (now.rlim_cur == before.rlim_cur && now.rlim_max == before.rlim_max))
      continue;
    if (setrlimit(resource, &before) == 0) continue;
    now.rlim_cur = std::min(before.rlim_cur, now.rlim_max);  // only root may raise the hard limit
    setrlimit(resource, &now);
  }
}

void ProcessState::restore_what_is_watched(WatchedCalls const& called) {
  if (called.timers) stop_timers();  // before the handlers: by default SIGALRM kills
  if (called.umask) ::umask(umask_);
  restore_signals(called.signals);
  if (called.signal_mask) pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  if (called.limits) restore_limits();
  if (called.affinity) sched_setaffinity(0, sizeof cores_, &cores_);
  restore_descriptors(called.descriptors);
  if (called.directory && directory_ && fchdir(directory_.get()) != 0) {
    throw std::system_error(
        errno, std::generic_category(),
        fmt::format("a task has left the working directory {}, which cannot be entered again", directory_name_));
  }
  reset_watched_calls();
}

/// Runs after each task: so it asks the system nothing. With the locale, the floating point control and the streams, it
/// finds out by a look at them, because inline functions change them.
bool ProcessState::has_changed() const {
  return any_watched_calls.load(std::memory_order_relaxed) || environ != environ_ ||
         floating_point_control() != floating_point_control_ || !same(std::locale{}, locale_) ||
         streams_.have_changed();
}

void ProcessState::restore_changes(bool all) {
  restore_locale();
  streams_.restore();
  auto const called = all ? all_watched_calls() : watched_calls();
  if (called.environment || environ != environ_) restore_environment();
  if (floating_point_control() != floating_point_control_) std::fesetenv(&floating_point_);
  restore_what_is_watched(called);
}

}  // namespace farm::detail
