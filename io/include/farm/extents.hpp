#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace farm {

/// Numbers of elements along the axes of an array. Arrays are row-major, as in C and NumPy: the first axis varies
/// slowest. An array has 1 to 8 axes; extents may be 0. A **row** is all elements with one index along the first axis.
using Extents = std::vector<std::uint64_t>;

namespace detail {

/// The largest number of axes that an array may have.
inline constexpr std::size_t max_dimensions = 8;

/// Throws UsageError if there are no axes, more than 8 axes, or more than 2^62 bytes of elements.
void check_extents(Extents const& extents, std::size_t element_size);

/// Returns the product of extents[from], extents[from + 1], ...
[[nodiscard]] std::uint64_t element_count(Extents const& extents, std::size_t from = 0) noexcept;

}  // namespace detail
}  // namespace farm
