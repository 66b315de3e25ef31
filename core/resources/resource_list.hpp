#pragma once

#include "core/resources/request.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// What a user says that there is, in FARM_RESOURCES: "cores=16 gpus=4 memory=64GiB licence=2".
struct ToldResources {
  std::optional<std::int32_t> cores{};   ///< of each host
  std::optional<std::int32_t> gpus{};    ///< of each host
  std::optional<std::int64_t> memory{};  ///< of each host, in bytes
  std::vector<NamedAmount> named{};      ///< of the whole run, by name
};

/// Parses such a list, whose items are separated by blanks or commas. Throws UsageError, which begins with `where`, if
/// an item is not NAME=VALUE, if a value is not a number above 0 (gpus: or 0) or a size, or if a name stands there
/// twice.
[[nodiscard]] ToldResources read_resources(std::string_view text, std::string_view where);

/// Parses NAME=N, what a task needs of a named resource. Throws UsageError, which begins with `where`.
[[nodiscard]] NamedAmount read_named_amount(std::string_view text, std::string_view where);

/// Throws UsageError, which begins with `where`, if this cannot be the name of a resource: letters, digits, -, _ and .
/// are allowed, and cores, threads, gpus, memory and ranks have options of their own.
void check_resource_name(std::string_view name, std::string_view where);

}  // namespace farm::detail
