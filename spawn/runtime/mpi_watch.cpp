#include "spawn/runtime/mpi_watch.hpp"

#include "spawn/environment/launched_as.hpp"
#include "spawn/platform/farm_watched.hpp"
#include "spawn/platform/mpi_traits.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>

#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto limit = 60s;

/// The process that is in the call; 0 if none is. Children of MPI_Init have another number.
std::atomic<pid_t> in_call = 0;

void tell(std::string_view what) {
  char const* const pmix = getenv("PMIX_VERSION");
  log_error(fmt::format("{}: {} must fit its launcher{}; start the program with the mpiexec of its own MPI", what,
                        mpi_library(), pmix == nullptr ? "" : fmt::format(", which has PMIx {}", pmix)));
}

}  // namespace

void tell_at_exit() {
  if (in_call.exchange(0) == getpid()) tell("MPI_Init has ended this process");
}

namespace {

/// Tells once if the call takes long. One thread, which ends with the call.
class Timer {
 public:
  void start() {
    has_returned_ = false;
    thread_ = std::thread{[this] {
      std::unique_lock lock{mutex_};
      if (!returned_.wait_for(lock, limit, [this] { return has_returned_; }))
        tell("MPI_Init has not returned for a minute, and is waited for");
    }};
  }
  void stop() {
    {
      std::scoped_lock const lock{mutex_};
      has_returned_ = true;
    }
    returned_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_{};
  std::condition_variable returned_{};
  bool has_returned_ = false;
  std::thread thread_{};
};

/// Never destroyed: MPI may end the process while its thread waits.
Timer& timer() {
  static auto& only = *new Timer;
  return only;
}

}  // namespace

MpiWatch::MpiWatch() {
  if (is_singleton()) return;
  [[maybe_unused]] static bool const registered = std::atexit(tell_at_exit) == 0;
  in_call = getpid();
  timer().start();
}

MpiWatch::~MpiWatch() {
  if (in_call.exchange(0) == 0) return;
  timer().stop();
}

}  // namespace farm::detail

#if FARM_WATCHES_CALLS
// MPI ends a process whose MPI_Init has failed by this function, which runs no exit functions.
extern "C" FARM_WATCHED void _exit(int status) {
  farm::detail::tell_at_exit();
  for (;;) syscall(SYS_exit_group, status);
}
#endif
