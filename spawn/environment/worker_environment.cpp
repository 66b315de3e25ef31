#include "spawn/environment/worker_environment.hpp"

#include <cstdlib>

namespace farm::detail {
namespace {

std::string taken(char const* name) {
  char const* const value = getenv(name);
  std::string text = value != nullptr ? value : "";
  unsetenv(name);
  return text;
}

}  // namespace

WorkerEnvironment const& worker_environment() {
  static WorkerEnvironment const read{.worker = taken(worker_variable), .join_file = taken(join_file_variable)};
  return read;
}

}  // namespace farm::detail
