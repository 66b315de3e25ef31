#include "spawn/process/closes_on_exec.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace farm::detail {
namespace {

std::set<int> open_descriptors() {
  std::set<int> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it{"/proc/self/fd", error}, end; !error && it != end; it.increment(error))
    found.insert(std::atoi(it->path().filename().c_str()));
  // the descriptor by which the directory was read is closed by now, and a connection may get its number
  std::erase_if(found, [](int each) { return fcntl(each, F_GETFD) == -1; });
  return found;
}

/// Returns false for files and devices: another thread of the program may have opened them meanwhile.
bool is_connection(int descriptor) {
  struct stat status {};
  return fstat(descriptor, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) &&
         !S_ISCHR(status.st_mode);
}

/// Returns true for the description of the cores that mpiexec of Open MPI 5 shares with its ranks.
bool is_topology(int descriptor) {
  std::error_code error;
  auto const file = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error);
  return file.filename() == "hwloc.sm";
}

}  // namespace

ClosesOnExec::ClosesOnExec() : before_(open_descriptors()) {}

ClosesOnExec::~ClosesOnExec() {
  for (int const each : open_descriptors()) {
    if (!before_.contains(each) && (is_connection(each) || is_topology(each))) fcntl(each, F_SETFD, FD_CLOEXEC);
  }
}

}  // namespace farm::detail
