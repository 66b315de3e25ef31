#pragma once

#include <string>

/// The environment variables that the farm itself sets for the processes that it starts. Users do not set them.
namespace farm::detail {

/// "spawned" or "launched" in a rank that was started in that way.
inline constexpr char const* worker_variable = "FARM_WORKER";
/// The path of the file with the rank's JoinInfo.
inline constexpr char const* join_file_variable = "FARM_BIRTH";
/// "stderr" in a rank that prints on its standard error what it would print on its standard output: the master's
/// standard output is JSON. Only programs of farm::main use it. The Runtime removes it.
inline constexpr char const* output_variable = "FARM_OUTPUT";
/// "CONTROL,PAGE": the descriptors by which a rank that executes the program anew finds its guard.
inline constexpr char const* guard_descriptors_variable = "FARM_GUARD_DESCRIPTORS";

/// What the variables said when this process started.
struct WorkerEnvironment {
  std::string worker;     ///< empty: the farm has not started this process as a rank
  std::string join_file;  ///< empty: there is none
};

/// Returns the values of the variables. The first call, before main, removes them from the environment: a program that
/// a rank starts is not a rank.
[[nodiscard]] WorkerEnvironment const& worker_environment();

}  // namespace farm::detail
