#include <farm/error.hpp>
#include <farm/extents.hpp>

#include <fmt/format.h>

namespace farm::detail {

void check_extents(Extents const& extents, std::size_t element_size) {
  constexpr std::uint64_t most = std::uint64_t{1} << 62U;
  if (extents.empty() || extents.size() > max_dimensions)
    throw UsageError(fmt::format("an array must have 1 to {} axes, not {}", max_dimensions, extents.size()));
  std::uint64_t bytes = element_size;
  for (auto const extent : extents) {
    // Zero extents are skipped: the strides, which are products of the other extents, must not overflow either.
    if (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes)) bytes = most + 1;
    if (bytes > most) throw UsageError("an array may have at most 2^62 bytes");
  }
}

std::uint64_t element_count(Extents const& extents, std::size_t from) noexcept {
  std::uint64_t count = 1;
  for (auto i = from; i < extents.size(); ++i) count *= extents[i];
  return count;
}

}  // namespace farm::detail
