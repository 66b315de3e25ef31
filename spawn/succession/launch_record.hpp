#pragma once

#include "core/resources/request.hpp"
#include "spawn/hosts/hosts.hpp"

#include <cstdint>
#include <string>

namespace farm::detail {

/// What the next master must know of a group to take it over, or to clean up after it.
struct LaunchRecord {
  Request request{};
  Placement placement{};
  std::string launcher{};     ///< its name, for people
  std::string host{};         ///< where the launcher runs
  std::int32_t process = 0;   ///< the launcher, which leads a session of its own; 0: not known
  std::uint64_t started = 0;  ///< when, as start_of_process() has it
  bool has_own_job = false;   ///< srun asks Slurm for a job for this group alone
};

/// Returns the record as JSON.
[[nodiscard]] std::string to_json(LaunchRecord const& record);
/// Throws std::runtime_error if the text is no record.
[[nodiscard]] LaunchRecord read_launch_record(std::string const& json);

/// Returns when a process of this host was started, in clock ticks since the boot; 0 if there is none, or it has ended
/// and was not collected. The time tells a process from a later one with the same number.
[[nodiscard]] std::uint64_t start_of_process(std::int32_t process);

}  // namespace farm::detail
