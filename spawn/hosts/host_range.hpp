#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// Returns the names in a list as Slurm writes it: "node[01-03,7],login" is node01, node02, node03, node7 and login.
/// Returns none if the list cannot be understood, or has more than 1,000,000 names.
[[nodiscard]] std::optional<std::vector<std::string>> expand_host_ranges(std::string_view text);

}  // namespace farm::detail
