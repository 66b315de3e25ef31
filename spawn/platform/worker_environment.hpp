#pragma once

/// The environment variables that the farm itself sets for the processes that it starts. Users do not set them.
namespace farm::detail {

/// "spawned" or "launched" in a rank that was started in that way. The Runtime removes it.
inline constexpr char const* worker_variable = "FARM_WORKER";
/// The path of the file with the rank's JoinInfo. Launched ranks read it; of spawned ranks, the guards do. The Runtime
/// removes it.
inline constexpr char const* join_file_variable = "FARM_BIRTH";
/// "CONTROL,PAGE": the descriptors by which a rank that executes the program anew finds its guard.
inline constexpr char const* guard_descriptors_variable = "FARM_GUARD_DESCRIPTORS";

}  // namespace farm::detail
