#pragma once

#include <string>

namespace farm {

/// Packed values. A std::string, because short values (an int, two doubles) then need no allocation.
using Bytes = std::string;

}  // namespace farm
