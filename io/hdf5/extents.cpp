#include <farm/error.hpp>
#include <farm/extents.hpp>

#include <fmt/format.h>

namespace farm::detail {

void check_extents(Extents const& extents, std::size_t element_size) {
  constexpr std::uint64_t most = std::uint64_t{1} << 62U;
  if (extents.empty() || extents.size() > max_dimensions)
    throw UsageError(fmt::format("an array has 1 to {} axes, not {}", max_dimensions, extents.size()));
  std::uint64_t bytes = element_size;
  for (auto const extent : extents) {
    // Without the zeros: strides are computed of what follows an axis, too.
    if (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes)) bytes = most + 1;
    if (bytes > most) throw UsageError("an array has 2^62 bytes at most");
  }
}

std::uint64_t element_count(Extents const& extents, std::size_t from) noexcept {
  std::uint64_t count = 1;
  for (auto i = from; i < extents.size(); ++i) count *= extents[i];
  return count;
}

}  // namespace farm::detail
