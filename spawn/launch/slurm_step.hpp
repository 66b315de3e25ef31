#pragma once

#include "spawn/hosts/hosts.hpp"

#include <string>
#include <vector>

namespace farm::detail {

/// Returns the options of srun by which a group gets its share of the job: cores, generic resources, and the component
/// of a heterogeneous job. A rank has the share of one slot of its host; but if the request says more than the number
/// of ranks, the rank has the threads and GPUs of the request.
///
/// Groups do not wait for each other's GPUs: if the share of a group is less than one, its step shares all resources of
/// its hosts with the other steps. So do all steps of a master that srun has started, since its own step holds them.
[[nodiscard]] std::vector<std::string> step_options(HostList const& list, Placement const& placement,
                                                    Request const& request = {});

/// Returns true if srun has started this process: its step holds the cores and devices of the job.
[[nodiscard]] bool is_in_slurm_step();

/// Returns true if the job has GPUs that Slurm knows, and so gives to steps.
[[nodiscard]] bool has_slurm_gpus(HostList const& list);

/// Returns the options of srun that place a group: one entry in the list of hosts for each rank if there are several.
[[nodiscard]] std::vector<std::string> host_options(Placement const& placement);

/// Returns the options of srun by which a group gets a Slurm job of its own: the job's name, unless SLURM_JOB_NAME is
/// set, and the hosts if `on_hosts` is true.
[[nodiscard]] std::vector<std::string> job_options(Placement const& placement, bool on_hosts, std::string const& name);

/// Removes the variables that srun would take for requests of each step: what the whole job has asked for, and the
/// cores that the step of this process is bound to.
void remove_job_requests(std::vector<std::string>& environment);

}  // namespace farm::detail
