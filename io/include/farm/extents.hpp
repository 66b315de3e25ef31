#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace farm {

/// Numbers of elements along each axis of an array, the first axis first, which varies slowest (row-major order, as in
/// C and NumPy). 1 to 8 axes; any of them may be 0. A **row** is all that has one index along the first axis.
using Extents = std::vector<std::uint64_t>;

namespace detail {

inline constexpr std::size_t max_dimensions = 8;

/// Throws UsageError where there are no axes, more than 8, or more than 2^62 bytes of such elements.
void check_extents(Extents const& extents, std::size_t element_size);

/// Product of extents[from], extents[from + 1], ...
[[nodiscard]] std::uint64_t element_count(Extents const& extents, std::size_t from = 0) noexcept;

}  // namespace detail
}  // namespace farm
