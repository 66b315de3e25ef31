#pragma once

#include <farm/detail/array_info.hpp>

#include <cstdint>
#include <functional>
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

/// Rows that lie in memory.
struct Rows {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t row_bytes = 0;
  char const* data = nullptr;
};

/// Cuts rows into pieces that stay in the processor's cache, calls `f(offset in data, bytes)` for each, and hashes it
/// while it is there. In order.
[[nodiscard]] std::vector<Stripe> hash_stripes(Rows const& rows,
                                               std::function<void(std::uint64_t, std::uint64_t)> const& f);
[[nodiscard]] std::vector<Stripe> hash_stripes(Rows const& rows);

/// How many stripes that will be.
[[nodiscard]] std::uint64_t count_stripes(std::uint64_t rows, std::uint64_t row_bytes);

/// The dataset of them: one row of first_row, rows and hash per stripe.
inline constexpr char const* checksums_dataset = "/checksums";
[[nodiscard]] Extents extents_of_checksums(std::uint64_t stripes);

/// Calls `f(first, count)` for rows that are of one stripe, or of none, in order: who reads and verifies these before
/// the next ones finds them in the processor's cache.
void by_stripes(ArrayInfo const& info, std::uint64_t first, std::uint64_t count,
                std::function<void(std::uint64_t, std::uint64_t)> const& f);

/// Throws StageError unless all stripes that these rows touch are as they were written. Each is looked at once per
/// process, for as long as the file is not modified. `data` are the rows; what lies beyond is read from the file.
void verify_rows(ArrayInfo const& info, std::uint64_t first, std::uint64_t count, void const* data);

}  // namespace farm::detail
