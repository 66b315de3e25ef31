#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farm::detail {

/// Reads tasks, or jobs, such as "5", "1-10" and "1,3,5-8": pairs of the first and the last. Throws UsageError.
[[nodiscard]] std::vector<std::pair<std::uint64_t, std::uint64_t>> read_task_ranges(std::string_view text);

}  // namespace farm::detail
