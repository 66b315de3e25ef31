#include "spawn/platform/platform.hpp"

#include "spawn/environment/launched_as.hpp"
#include "spawn/environment/parent_process.hpp"
#include "spawn/environment/worker_environment.hpp"
#include "spawn/limits/cores.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/process/program_arguments.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <dlfcn.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

namespace farm::detail {
namespace {

constexpr int max_generations = 4;  // there may be shells between mpiexec and this process

bool has_entry(char const* directory, std::string const& prefix) {
  std::error_code error;
  for (std::filesystem::directory_iterator it{directory, error}, end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(prefix)) return true;
  }
  return false;
}

/// Gives SIGHUP back, which starts UCX's debugger.
void release_hangup_from_ucx() {
  struct sigaction action {};
  Dl_info owner{};
  if (getenv("UCX_DEBUG_SIGNO") != nullptr || sigaction(SIGHUP, nullptr, &action) != 0) return;
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) return;
  if (dladdr(reinterpret_cast<void*>(action.sa_handler), &owner) == 0 || owner.dli_fname == nullptr) return;
  if (std::string_view{owner.dli_fname}.find("/libucs.") != std::string_view::npos) signal(SIGHUP, SIG_DFL);
}

using DisableSignals = void (*)();

/// Returns a function of UCX if UCX is loaded already, because MPI is linked with it. It has read its variables then,
/// and would warn about later ones.
DisableSignals loaded_ucx() {
  return reinterpret_cast<DisableSignals>(dlsym(RTLD_DEFAULT, "ucs_debug_disable_signals"));
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

void prepare_mpi() {
  if (mpi_traits().family != MpiFamily::open_mpi_5 && !uses_mpich()) return;
  if (auto const disable_signals = loaded_ucx()) {
    release_hangup_from_ucx();
    if (getenv("UCX_ERROR_SIGNALS") == nullptr) disable_signals();
    return;
  }
  setenv("UCX_ERROR_SIGNALS", "", 0);
  setenv("UCX_DEBUG_SIGNO", "0", 0);
}

LoopbackOnly::LoopbackOnly() {
  auto const& job = launched_as();
  if (mpi_traits().family != MpiFamily::open_mpi_5 || job.local_size < 2 || job.local_size != job.size) return;
  if (getenv("OMPI_MCA_btl_tcp_if_include") != nullptr || getenv("OMPI_MCA_btl_tcp_if_exclude") != nullptr) return;
  is_set_ = setenv("OMPI_MCA_btl_tcp_if_include", "lo", 0) == 0;
}

LoopbackOnly::~LoopbackOnly() {
  if (is_set_) unsetenv("OMPI_MCA_btl_tcp_if_include");
}

std::string started_as_worker() {
  auto const& kind = worker_environment().worker;
  return kind == "spawned" || kind == "launched" ? kind : std::string{};
}

pid_t launcher_process() {
  if (is_singleton()) return 0;
  pid_t ancestor = getppid();
  for (int i = 0; i < max_generations && ancestor > 0; ++i, ancestor = parent_of(ancestor)) {
    auto const words = command_line_of(std::to_string(ancestor));
    if (words.empty()) return 0;
    auto const name = std::filesystem::path{words.front()}.filename().string();
    if (name.starts_with("mpiexec") || name.starts_with("mpirun") || name == "orterun" || name == "prterun")
      return ancestor;
  }
  return 0;
}

std::vector<std::string> launcher_command_line() {
  auto const launcher = launcher_process();
  return launcher > 0 ? command_line_of(std::to_string(launcher)) : std::vector<std::string>{};
}

void prepare_singleton() {
  setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 0);
  setenv("OMPI_MCA_orte_enable_recovery", "1", 0);
}

/// Returns true if mpiexec of Open MPI 5 was told how to bind. It does not tell its ranks whether it has bound them.
bool prrte_was_told_to_bind() {
  for (auto const* const name : {"PRTE_MCA_hwloc_default_binding_policy", "PRTE_MCA_hwloc_default_cpu_list"}) {
    if (getenv(name) != nullptr) return true;
  }
  auto const words = launcher_command_line();
  return words.empty() || std::any_of(words.begin(), words.end(), [](std::string const& word) {
           return word.ends_with("-bind-to") || word.ends_with("-cpu-set") || word.ends_with("-cpu-list") ||
                  word.starts_with("hwloc_default_") || word.find(":PE=") != std::string::npos;
         });
}

bool leave_default_binding() {
  auto const is_open_mpi_5 = mpi_traits().family == MpiFamily::open_mpi_5;
  if (is_open_mpi_5 ? prrte_was_told_to_bind() : getenv("OMPI_MCA_orte_bound_at_launch") == nullptr) return false;
  for (auto const* const choice : {"binding_policy", "cpu_set", "cpu_list"}) {
    if (getenv(fmt::format("OMPI_MCA_hwloc_base_{}", choice).c_str()) != nullptr) return false;
  }
  auto const launcher = launcher_process();
  pid_t ancestor = getppid();
  for (int i = 0; i < max_generations && ancestor > 0; ++i, ancestor = parent_of(ancestor)) {
    cpu_set_t set;
    if (sched_getaffinity(ancestor, sizeof set, &set) != 0) return false;
    if (CPU_COUNT(&set) > affinity_core_count()) return sched_setaffinity(0, sizeof set, &set) == 0;
    if (ancestor == launcher) return false;  // which has been bound itself, and so has no more cores
  }
  return false;
}

std::vector<std::pair<std::string, std::string>> spawn_info() {
  return {{"bind_to", "none"}, {"map_by", "slot:OVERSUBSCRIBE"}};
}

std::string yield_setting(int ranks) { return ranks > core_count() ? std::string{mpi_traits().yield_setting} : ""; }

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

}  // namespace farm::detail
