#include "spawn/environment/launched_as.hpp"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

namespace farm::detail {
namespace {

bool is_set(char const* name) { return getenv(name) != nullptr; }

/// Returns the first of the variables that is set; 0 if none is.
int number(std::initializer_list<char const*> names) {
  for (auto const* const name : names) {
    if (char const* const text = getenv(name); text != nullptr && *text != '\0') return std::atoi(text);
  }
  return 0;
}

/// Hydra is MPICH's mpiexec.
LaunchedAs launched_by_hydra() {
  int const size = number({"PMI_SIZE"});
  int const local_size = number({"MPI_LOCALNRANKS"});
  return {.singleton = false,
          .by_mpiexec = true,
          .by_hydra = true,
          .pmi_connection = is_set("PMI_FD") ? number({"PMI_FD"}) : -1,
          .rank = number({"PMI_RANK"}),
          .size = size,
          .local_size = local_size,
          .hosts = local_size == 0     ? 0
                   : local_size < size ? 2
                                       : 1};
}

}  // namespace

LaunchedAs read_launched_as() {
  if (!is_set("PMIX_RANK") && !is_set("PMI_RANK")) return {};
  if (is_set("HYDI_CONTROL_FD") && is_set("PMI_RANK") && !is_set("PMIX_RANK")) return launched_by_hydra();
  return {.singleton = false,
          .by_mpiexec = is_set("OMPI_COMM_WORLD_SIZE"),
          .rank = number({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}),
          .size = number({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"}),
          .local_size = number({"OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE"}),
          .hosts = std::max(number({"OMPI_MCA_orte_num_nodes"}), number({"SLURM_STEP_NUM_NODES"}))};
}

LaunchedAs const& launched_as() {
  static LaunchedAs const first = read_launched_as();
  return first;
}

bool is_singleton() { return launched_as().singleton; }

}  // namespace farm::detail
