#include "spawn/platform.hpp"

#include <farm/code_address.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <sched.h>
#include <cstdlib>
#include <filesystem>

namespace farm::detail {
namespace {

bool has_entry(char const* directory, std::string const& prefix) {
  std::error_code error;
  for (std::filesystem::directory_iterator it{directory, error}, end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace

bool has_fabric() {
  return has_entry("/dev", "hfi1") || has_entry("/dev", "ipath") || has_entry("/dev", "cxi") || has_entry("/dev", "kgni") ||
         has_entry("/sys/class/infiniband", "");
}

bool exclude_absent_fabrics() {
  if (getenv("OMPI_MCA_mtl") != nullptr || getenv("OMPI_MCA_pml") != nullptr || has_fabric()) return false;
  setenv("OMPI_MCA_mtl", "^ofi,psm,psm2", 0);
  return true;
}

bool is_singleton() { return getenv("OMPI_COMM_WORLD_SIZE") == nullptr && getenv("PMIX_RANK") == nullptr && getenv("PMI_RANK") == nullptr; }

void prepare_singleton() {
  setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 0);
  setenv("OMPI_MCA_orte_enable_recovery", "1", 0);
}

std::vector<std::pair<std::string, std::string>> spawn_info(std::string const& environment) {
  return {{"bind_to", "none"}, {"map_by", "slot:OVERSUBSCRIBE"}, {"env", environment}};
}

std::string yield_setting(int ranks) { return ranks > core_count() ? "OMPI_MCA_mpi_yield_when_idle=1" : ""; }

std::string program_to_spawn() {
  std::error_code error;
  auto path = std::filesystem::read_symlink("/proc/self/exe", error).string();
  constexpr std::string_view deleted = " (deleted)";
  if (path.ends_with(deleted)) path.resize(path.size() - deleted.size());
  if (error || build_id_of_file(path) != program_build_id()) {
    throw SpawnError(fmt::format("{} was rebuilt or removed since this program started: start it again", path));
  }
  return path;
}

int core_count() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace farm::detail
