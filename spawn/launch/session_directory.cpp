#include "spawn/launch/session_directory.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"

#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <filesystem>

namespace farm::detail {
namespace {

/// Open MPI adds names to it, and keeps paths in buffers of fixed length.
constexpr std::size_t longest_path = 200;

/// Makes the directory that all launchers of this user on this host share, as Open MPI 4 names it.
void make_shared_directory() {
  auto parent = environment_variable("TMPDIR");
  if (parent.empty()) parent = "/tmp";
  mkdir(fmt::format("{}/ompi.{}.{}", parent, host_name(), geteuid()).c_str(), S_IRWXU);
}

}  // namespace

std::string make_session_directory(std::uint64_t group, bool on_this_host) {
  auto const* const run = current_stage_run();
  auto path = run != nullptr ? (run->directory() / fmt::format("launcher-{}", group)).string() : std::string{};
  bool const fit = on_this_host && run != nullptr && path.size() <= longest_path &&
                   is_local_file_system(file_system_of(run->directory())) && mkdir(path.c_str(), S_IRWXU) == 0;
  if (fit) return path;
  make_shared_directory();
  return {};
}

// Not orte_local_tmpdir_base: mpiexec tells its ranks orte_tmpdir_base, and Open MPI refuses the two together.
void add_session_setting(std::string const& directory, std::vector<std::string>& environment) {
  bool const chosen = std::any_of(environment.begin(), environment.end(), [](std::string const& line) {
    return line.starts_with("OMPI_MCA_orte_") && line.find("tmpdir_base=") != std::string::npos;
  });
  if (!directory.empty() && !chosen) environment.push_back("OMPI_MCA_orte_tmpdir_base=" + directory);
}

void remove_session_directory(std::string const& directory) noexcept {
  std::error_code error;
  if (!directory.empty()) std::filesystem::remove_all(directory, error);
}

}  // namespace farm::detail
