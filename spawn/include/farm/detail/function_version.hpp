#pragma once

#include <optional>
#include <string>

/// The names and versions that FARM_TASK and FARM_TASK_VERSION give to functions.
namespace farm::detail {

struct FunctionVersion {
  std::string name{};
  std::optional<std::string> version{};  ///< none: FARM_TASK_VERSION was not used
};

/// Notes the name of a function. Keeps the first name. Called before main(), by static initializers in any order;
/// returns true. Thread-safe, as are the functions below.
bool add_function_name(void const* function, std::string name);
/// Notes name and version of a function; this name precedes any other. Called as above; returns true.
bool add_function_version(void const* function, std::string name, std::string version);

/// Returns what was noted about the function; none if nothing was. Throws UsageError if the function has got two
/// versions.
[[nodiscard]] std::optional<FunctionVersion> registered_function(void const* function);

}  // namespace farm::detail
