#pragma once

#include <farm/array_info.hpp>

#include <cstdint>
#include <vector>

/// Staged arrays carry hashes (XXH3, 64 bits) of stripes: whole rows, about 4 MiB of them, all written by one rank.
namespace farm::detail {

struct Stripe {
  std::uint64_t first_row = 0;
  std::uint64_t rows = 0;
  std::uint64_t hash = 0;
};

/// False where FARM_CHECKSUM=0.
[[nodiscard]] bool checksums_wanted();

/// Of rows that lie in memory.
[[nodiscard]] std::vector<Stripe> hash_stripes(std::uint64_t first_row, std::uint64_t rows, std::uint64_t row_bytes,
                                               void const* data);

/// How many that will be.
[[nodiscard]] std::uint64_t count_stripes(std::uint64_t rows, std::uint64_t row_bytes);

/// The dataset of them: one row of first_row, rows and hash per stripe.
inline constexpr char const* checksums_dataset = "/checksums";
[[nodiscard]] Extents extents_of_checksums(std::uint64_t stripes);

/// Throws StageError unless all stripes that these rows touch are as they were written. Each is looked at once per
/// process, for as long as the file is not modified. `data` are the rows; what lies beyond is read from the file.
void verify_rows(ArrayInfo const& info, std::uint64_t first, std::uint64_t count, void const* data);

}  // namespace farm::detail
