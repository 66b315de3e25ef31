#pragma once

#include "spawn/hosts/host_slots.hpp"

#include <map>
#include <string>
#include <vector>

namespace farm::detail {

/// Generic resources of a host, such as GPUs.
struct SlurmResource {
  std::string name;  ///< "gpu", or with a type "gpu:a100"
  int count = 0;
};

/// A Slurm job, or one component of a heterogeneous job.
struct SlurmComponent {
  int number = -1;  ///< -1: the job is not heterogeneous
  std::vector<HostSlots> hosts{};
  int cpus_per_task = 0;                                          ///< 0: the job does not say
  std::string gpus_per_task{};                                    ///< "1" or "a100:1"; empty: the job does not say
  std::map<std::string, std::vector<SlurmResource>> resources{};  ///< by host
};

/// The Slurm job that this process runs in.
struct SlurmJob {
  std::string id{};
  bool in_step = false;  ///< srun has started this process, and its step holds the cores
  std::vector<SlurmComponent> components{};
};

/// Returns true if the environment names a Slurm job with its hosts.
[[nodiscard]] bool has_slurm_job();

/// Returns the job that the environment names. Blocks while scontrol describes the job. Throws SpawnError if the job
/// has ended, if scontrol fails, or if a variable of Slurm cannot be understood.
[[nodiscard]] SlurmJob read_slurm_job();

/// Throws SpawnError if the environment names a Slurm job that has ended. Blocks while scontrol is asked; returns if
/// scontrol fails for another reason.
void check_slurm_job_runs();

/// Parses "8(x2),4", as in SLURM_TASKS_PER_NODE, to 8, 8, 4. Errors name `where`. Throws SpawnError.
[[nodiscard]] std::vector<int> parse_counts(std::string const& text, std::string const& where);

}  // namespace farm::detail
