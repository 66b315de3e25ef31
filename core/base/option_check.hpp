#pragma once

#include <cstdint>
#include <string_view>

/// Checks of numbers that users pass as options. Each throws UsageError, which names the option and its value.
namespace farm::detail {

/// Throws unless the value is above 0. `name` is what the user calls the option: "chunksize".
void check_above_zero(std::string_view name, std::int64_t value);

/// Throws if the value is below 0. `zero_means` says in the error what 0 stands for: "no limit".
void check_zero_or_above(std::string_view name, std::int64_t value, std::string_view zero_means);

}  // namespace farm::detail
