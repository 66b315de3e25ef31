#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace farm::detail {

/// Returns the memory that the process's control groups allow, in bytes: the smallest limit among them
/// (memory.limit_in_bytes of version 1, memory.max of version 2). None: there is no limit. `root` is as
/// control_groups() has it.
[[nodiscard]] std::optional<std::int64_t> memory_limit(std::filesystem::path const& root = "/");

}  // namespace farm::detail
