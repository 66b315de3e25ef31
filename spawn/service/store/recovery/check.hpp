#pragma once

#include "spawn/service/store/disk/schema.hpp"

#include <optional>
#include <string>

namespace farm::detail {

/// Up to this size all of a database is checked when it is opened. Rows of larger ones are checked when they are read.
inline constexpr std::int64_t checked_bytes = std::int64_t{256} << 20;

/// Returns what is wrong with a database, in words; empty: nothing was found. `acknowledged`: what it must hold at
/// least. With `whole` false only jobs and ends are checked. Throws StoreError if the database is of a newer farm, or
/// not of a farm at all.
[[nodiscard]] std::string find_damage(Database& database, std::optional<Counters> const& acknowledged, bool whole);

}  // namespace farm::detail
