#pragma once

#include <string_view>

/// The version of these headers. A test compares it with the version of the CMake project.
#define FARM_VERSION_MAJOR 0
#define FARM_VERSION_MINOR 2
#define FARM_VERSION_PATCH 0

namespace farm {

/// The version as "major.minor.patch". For conditional compilation use the macros.
inline constexpr std::string_view version = "0.2.0";

}  // namespace farm
