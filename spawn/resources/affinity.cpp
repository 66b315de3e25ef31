#include "spawn/resources/affinity.hpp"

#include "spawn/environment/launched_as.hpp"
#include "spawn/platform/platform.hpp"

#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

namespace farm::detail {
namespace {

constexpr int most_processors = 1 << 16;

/// A set of processors of any size: cpu_set_t ends at 1024.
class Set {
 public:
  explicit Set(int processors)
      : count_(processors),
        set_(CPU_ALLOC(static_cast<std::size_t>(processors)), [](cpu_set_t* each) { CPU_FREE(each); }) {
    CPU_ZERO_S(size(), get());
  }
  [[nodiscard]] cpu_set_t* get() const { return set_.get(); }
  [[nodiscard]] std::size_t size() const { return CPU_ALLOC_SIZE(static_cast<std::size_t>(count_)); }
  [[nodiscard]] int count() const { return count_; }

 private:
  int count_;
  std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set_;
};

}  // namespace

Processors affinity_of(pid_t process) {
  for (int count = 1024; count <= most_processors; count *= 2) {
    Set const set{count};
    if (sched_getaffinity(process, set.size(), set.get()) != 0) {
      if (errno == EINVAL) continue;  // the kernel's sets are larger
      return {};
    }
    Processors found;
    for (int each = 0; each < count; ++each) {
      if (CPU_ISSET_S(static_cast<std::size_t>(each), set.size(), set.get())) found.push_back(each);
    }
    return found;
  }
  return {};
}

bool bind_process(Processors const& processors) {
  if (processors.empty() || processors.front() < 0 || processors.back() >= most_processors) return false;
  Set const set{std::max(processors.back() + 1, 1024)};
  for (int const each : processors) CPU_SET_S(static_cast<std::size_t>(each), set.size(), set.get());
  if (sched_setaffinity(0, set.size(), set.get()) != 0) return false;
  std::error_code error;
  for (std::filesystem::directory_iterator it{"/proc/self/task", error}, end; !error && it != end;
       it.increment(error)) {
    pid_t const thread = std::atoi(it->path().filename().c_str());
    sched_setaffinity(thread, set.size(), set.get());  // a thread that has ended meanwhile needs no cores
  }
  return true;
}

Processors processors_of_ranks() {
  auto own = affinity_of(0);
  if (!launched_as().by_mpiexec) return own;
  auto const process = launcher_process();
  auto launcher = affinity_of(process > 0 ? process : getppid());
  return launcher.size() > own.size() ? launcher : own;
}

}  // namespace farm::detail
