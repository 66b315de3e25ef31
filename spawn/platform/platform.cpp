#include "spawn/platform/platform.hpp"

#include "spawn/platform/worker_environment.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string_view>

namespace farm::detail {
namespace {

bool has_entry(char const* directory, std::string const& prefix) {
  std::error_code error;
  for (std::filesystem::directory_iterator it{directory, error}, end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(prefix)) return true;
  }
  return false;
}

pid_t parent_of(pid_t process) {
  std::string text;
  std::getline(std::ifstream{fmt::format("/proc/{}/stat", process)}, text);
  auto const name_end = text.rfind(')');  // the text is "pid (name) state parent ..."
  return name_end != std::string::npos && name_end + 4 < text.size() ? std::atoi(text.c_str() + name_end + 4) : 0;
}

}  // namespace

bool has_fabric() {
  return has_entry("/dev", "hfi1") || has_entry("/dev", "ipath") || has_entry("/dev", "cxi") ||
         has_entry("/dev", "kgni") || has_entry("/sys/class/infiniband", "");
}

bool exclude_absent_fabrics() {
  if (getenv("OMPI_MCA_mtl") != nullptr || getenv("OMPI_MCA_pml") != nullptr || has_fabric()) return false;
  setenv("OMPI_MCA_mtl", "^ofi,psm,psm2", 0);
  return true;
}

std::string started_as_worker() {
  char const* const worker = getenv(worker_variable);
  std::string const kind = worker != nullptr ? worker : "";
  return kind == "spawned" || kind == "launched" ? kind : std::string{};
}

bool is_singleton() {
  return getenv("OMPI_COMM_WORLD_SIZE") == nullptr && getenv("PMIX_RANK") == nullptr && getenv("PMI_RANK") == nullptr;
}

LaunchedAs launched_as() {
  auto const number = [](std::initializer_list<char const*> names) {
    for (auto const* const name : names) {
      if (char const* const text = getenv(name); text != nullptr && *text != '\0') return std::atoi(text);
    }
    return 0;
  };
  return {.rank = number({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}),
          .size = number({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"}),
          .local_size = number({"OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE"})};
}

bool job_has_other_hosts() {
  auto const above_one = [](char const* name) {
    char const* const text = getenv(name);
    return text != nullptr && std::atoi(text) > 1;
  };
  return !is_singleton() && (above_one("OMPI_MCA_orte_num_nodes") || above_one("SLURM_STEP_NUM_NODES"));
}

void prepare_singleton() {
  setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 0);
  setenv("OMPI_MCA_orte_enable_recovery", "1", 0);
}

bool leave_default_binding() {
  if (getenv("OMPI_MCA_orte_bound_at_launch") == nullptr) return false;
  for (auto const* const choice : {"binding_policy", "cpu_set", "cpu_list"}) {
    if (getenv(fmt::format("OMPI_MCA_hwloc_base_{}", choice).c_str()) != nullptr) return false;
  }
  constexpr int max_generations = 4;  // there may be shells between mpiexec and this process
  pid_t ancestor = getppid();
  for (int i = 0; i < max_generations && ancestor > 0; ++i, ancestor = parent_of(ancestor)) {
    cpu_set_t set;
    if (sched_getaffinity(ancestor, sizeof set, &set) != 0) return false;
    if (CPU_COUNT(&set) > core_count()) return sched_setaffinity(0, sizeof set, &set) == 0;
  }
  return false;
}

std::vector<std::pair<std::string, std::string>> spawn_info(std::string const& environment) {
  return {{"bind_to", "none"}, {"map_by", "slot:OVERSUBSCRIBE"}, {"env", environment}};
}

std::string yield_setting(int ranks) { return ranks > core_count() ? "OMPI_MCA_mpi_yield_when_idle=1" : ""; }

std::vector<std::string> launcher_environment() {
  constexpr std::array prefixes{"OMPI_COMM_WORLD_",
                                "OMPI_APP_CTX_",
                                "OMPI_MCA_ess",
                                "OMPI_MCA_pmix=",
                                "OMPI_MCA_orte_ess_",
                                "OMPI_ARGV=",
                                "OMPI_COMMAND=",
                                "OMPI_FILE_LOCATION=",
                                "OMPI_FIRST_RANKS=",
                                "OMPI_NUM_APP_CTX=",
                                "OMPI_UNIVERSE_SIZE=",
                                "OMPI_MCA_initial_wdir=",
                                "OMPI_MCA_mpi_oversubscribe=",
                                "OMPI_MCA_shmem_RUNTIME_QUERY_hint=",
                                "OMPI_MCA_orte_app_num=",
                                "OMPI_MCA_orte_bound_at_launch=",
                                "OMPI_MCA_orte_hnp_uri=",
                                "OMPI_MCA_orte_jobfam_session_dir=",
                                "OMPI_MCA_orte_launch=",
                                "OMPI_MCA_orte_local_daemon_uri=",
                                "OMPI_MCA_orte_num_nodes=",
                                "OMPI_MCA_orte_precondition_transports=",
                                "OMPI_MCA_orte_tmpdir_base=",
                                "OMPI_MCA_orte_top_session_dir=",
                                "OMPI_MCA_orte_enable_recovery=",
                                "PMIX_BFROP_",
                                "PMIX_DSTORE_",
                                "PMIX_GDS_",
                                "PMIX_HOSTNAME=",
                                "PMIX_ID=",
                                "PMIX_NAMESPACE=",
                                "PMIX_RANK=",
                                "PMIX_SECURITY_MODE=",
                                "PMIX_SERVER_",
                                "PMIX_SYSTEM_TMPDIR=",
                                "PMIX_VERSION=",
                                "PMI_"};
  constexpr std::array own{worker_variable, join_file_variable};
  std::vector<std::string> lines;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view const line{*entry};
    bool const of_launcher = std::any_of(prefixes.begin(), prefixes.end(),
                                         [&](std::string_view prefix) { return line.starts_with(prefix); });
    bool const of_farm = std::any_of(
        own.begin(), own.end(), [name = line.substr(0, line.find('='))](auto const* each) { return name == each; });
    if (!of_launcher && !of_farm) lines.emplace_back(line);
  }
  return lines;
}

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

std::string descriptor_shortage(int ranks, bool launcher_too) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  std::error_code error;
  std::filesystem::directory_iterator const open{"/proc/self/fd", error};
  auto const in_use = error ? std::ptrdiff_t{16} : std::distance(begin(open), end(open));
  constexpr long reserve = 32;  // for files of arrays and for the program's own files
  static rlim_t const initial = limit.rlim_cur;
  auto const shortage = [&](long needed, rlim_t allowed) {
    if (static_cast<rlim_t>(needed) <= allowed) return std::string{};
    return fmt::format("{} ranks need about {} open files, and the limit is {}: raise it with ulimit -n", ranks, needed,
                       allowed);
  };
  if (launcher_too) {
    if (auto reason = shortage(3L * ranks + reserve, initial); !reason.empty()) return reason;
  }
  long const needed = in_use + 2L * ranks + reserve;
  if (static_cast<rlim_t>(needed) > limit.rlim_cur && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = std::min(limit.rlim_max, static_cast<rlim_t>(needed));
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return shortage(needed, limit.rlim_cur);
}

std::vector<std::string> mpi_shared_memory() {
  std::vector<std::string> paths;
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    auto const begin = line.find("/dev/shm/");
    if (begin == std::string::npos || line.find("_segment.", begin) == std::string::npos) continue;
    auto path = line.substr(begin);
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(std::move(path));
  }
  return paths;
}

int core_count() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace farm::detail
