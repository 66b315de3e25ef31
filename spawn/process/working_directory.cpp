#include "spawn/process/working_directory.hpp"

#include "core/base/descriptor.hpp"
#include "core/base/host_name.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

namespace farm::detail {
namespace {

[[noreturn]] void fail(std::string const& path, int error) {
  throw SpawnError(fmt::format("working_directory {}: {} on {}; it must exist on each host of the ranks", path,
                               std::generic_category().message(error), host_name()));
}

}  // namespace

void check_directory(std::string const& path) {
  if (path.empty()) return;
  Descriptor const directory{open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!directory || access(path.c_str(), X_OK) != 0) fail(path, errno);
}

void change_directory(std::string const& path) {
  if (!path.empty() && chdir(path.c_str()) != 0) fail(path, errno);
}

}  // namespace farm::detail
