#include "spawn/sources/output_prefix.hpp"

#include "core/base/descriptor.hpp"
#include "core/base/host_name.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

/// Returns one name for the directory, however the pools write it. A relative one lies in the ranks' working directory.
std::string full_name(WorkerOptions const& workers) {
  std::error_code error;
  auto const path = fs::path{workers.working_directory} / workers.output_directory;
  auto const full = fs::weakly_canonical(fs::absolute(path, error), error);
  auto const& name = error ? path : full;
  return (name.has_filename() ? name : name.parent_path()).string();
}

/// Begins the names of this run's files if another run that has not ended writes to the same directory. Empty if not.
std::string run_part(std::string const& directory) {
  Descriptor opened{open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!opened || flock(opened.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
    static_cast<void>(opened.release());  // keeps the lock until this process ends
    return {};
  }
  auto part = fmt::format("run-{}-{}.", host_name(), getpid());
  log_error(fmt::format("another run writes to {}: the names of this run's files begin with {}", directory, part));
  return part;
}

/// A directory that pools of this run write to.
struct Claim {
  std::string run_part;
  int pools = 0;
};

}  // namespace

std::string claim_output_prefix(WorkerOptions const& workers) {
  if (workers.output_directory.empty()) return {};
  static std::mutex mutex;
  static std::map<std::string, Claim> claims;  // by directory
  std::scoped_lock const lock{mutex};
  auto const name = full_name(workers);
  auto const [claim, is_new] = claims.try_emplace(name);
  if (is_new) claim->second.run_part = run_part(name);
  int const pool = ++claim->second.pools;
  return fmt::format("{}/{}{}", workers.output_directory, claim->second.run_part,
                     pool == 1 ? std::string{} : fmt::format("pool-{}.", pool));
}

}  // namespace farm::detail
