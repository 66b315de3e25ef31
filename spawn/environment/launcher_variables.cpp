#include <farm/launcher_variables.hpp>

#include "spawn/environment/launched_as.hpp"
#include "spawn/environment/worker_environment.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace farm {
namespace {

/// Who this process is in its job. A launcher does not mind them, and user's programs read them.
constexpr std::array place_in_job{"OMPI_COMM_WORLD_", "MPI_LOCALNRANKS=", "MPI_LOCALRANKID="};

/// By which this process finds its launcher, and takes part in its job.
constexpr std::array prefixes{
    "OMPI_APP_CTX_",
    "OMPI_MCA_ess",
    "OMPI_MCA_pmix=",
    "OMPI_MCA_orte_ess_",
    "OMPI_ARGV=",
    "OMPI_COMMAND=",
    "OMPI_FILE_LOCATION=",
    "OMPI_FIRST_RANKS=",
    "OMPI_NUM_APP_CTX=",
    "OMPI_PARENT_PORT=",
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
    "OMPI_MCA_state_novm_select=",
    // of PRRTE, with Open MPI 5
    "OMPI_LIBDIR_LOC=",
    "OMPI_MCA_PREFIXES=",
    "OMPI_MCA_cpu_type=",
    "OMPI_MCA_mca_base_component_path=",
    "OMPI_MCA_num_procs=",
    "OMPI_TOOL_NAME=",
    "OMPI_VERSION=",
    "OMPI_WORLD_",
    "OPAL_USER_PARAMS_GIVEN=",
    "PMIX_MCA_mca_base_component_path=",
    "PMIX_PARAM_FILE_PASSED=",
    "PRTE_LAUNCHED=",
    "PRTE_SHARED_FS=",
    // of Hydra, with MPICH
    "HYDI_CONTROL_FD=",
    "MPIR_CVAR_CH3_INTERFACE_HOSTNAME=",
    // of all
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
    "PMI_",
    "ORTE_SCHIZO_DETECTION=",
};

template <class Prefixes>
bool starts_with_any(std::string_view line, Prefixes const& all) {
  return std::any_of(all.begin(), all.end(), [&](std::string_view prefix) { return line.starts_with(prefix); });
}

bool is_of_launcher(std::string_view line) { return starts_with_any(line, prefixes); }

bool is_of_farm(std::string_view line) {
  constexpr std::array own{detail::worker_variable, detail::join_file_variable};
  return std::any_of(own.begin(), own.end(),
                     [name = line.substr(0, line.find('='))](auto const* each) { return name == each; });
}

}  // namespace

std::vector<std::string> launcher_environment() {
  std::vector<std::string> lines;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view const line{*entry};
    if (!starts_with_any(line, place_in_job) && !is_of_launcher(line) && !is_of_farm(line)) lines.emplace_back(line);
  }
  return lines;
}

void remove_launcher_variables() {
  static_cast<void>(detail::launched_as());  // the farm asks for what the variables say later, too
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view const line{*entry};
    if (is_of_launcher(line)) names.emplace_back(line.substr(0, line.find('=')));
  }
  for (auto const& name : names) unsetenv(name.c_str());
}

}  // namespace farm
