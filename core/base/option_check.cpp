#include "core/base/option_check.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

namespace farm::detail {

void check_above_zero(std::string_view name, std::int64_t value) {
  if (value <= 0) throw UsageError(fmt::format("{} is {}: a number above 0 is expected", name, value));
}

void check_zero_or_above(std::string_view name, std::int64_t value, std::string_view zero_means) {
  if (value < 0)
    throw UsageError(fmt::format("{} is {}: a number above 0 is expected, or 0 for {}", name, value, zero_means));
}

}  // namespace farm::detail
