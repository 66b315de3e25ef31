#pragma once

#include <farm/detail/call_notes.hpp>

#include "spawn/cache/cache_key.hpp"

#include <string>
#include <string_view>

namespace farm::detail {

/// Which function a call is of, so that another process, and another program, knows the same function again.
struct FunctionIdentity {
  std::string name{};     ///< for people
  std::string version{};  ///< for people: "2", or "build 1f3a5c7e"
  CacheKey key{};
};

/// Returns the identity of the function of a call, whose packed function is `function`: the name and the version of
/// FARM_TASK_VERSION; else the build, and where in it the function is. The type of the function counts in both cases.
/// What a function object holds does not: see add_function(). Throws UsageError if the function has two versions, or no
/// build-id.
[[nodiscard]] FunctionIdentity identity_of(CallNotes const& notes, std::string_view function);

}  // namespace farm::detail
