#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What srun prints about a job of its own, and why such a job waits.
namespace farm::detail {

/// srun has told that its job waits in Slurm's queue, or that the job has left the queue.
struct QueueNews {
  bool waits = false;
  std::string job{};  ///< the job's number
};

/// Returns the last news in these lines of srun's stderr. None if the lines tell nothing of the queue.
[[nodiscard]] std::optional<QueueNews> queue_news(std::string_view lines);

/// Returns true if a job that waits for this reason, as squeue has it, cannot start as long as nobody changes the job
/// or Slurm's configuration: the job is larger than its partition, for example.
[[nodiscard]] bool waits_for_ever(std::string_view reason);

/// Returns the errors in srun's output as one line without repetitions, or what to do if Slurm has no plugin for PMIx.
[[nodiscard]] std::string plain_errors(std::string_view srun_output);

}  // namespace farm::detail
