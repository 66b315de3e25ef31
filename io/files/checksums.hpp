#pragma once

#include <farm/detail/array_info.hpp>

#include <cstdint>
#include <functional>
#include <vector>

/// Checksums of staged arrays. A staged file has one hash (XXH3, 64 bits) per stripe. A stripe is whole rows, about
/// 4 MiB of them, all written by one rank.
namespace farm::detail {

/// The rows of a stripe and the hash of their bytes, as they lie in the file.
struct Stripe {
  std::uint64_t first_row = 0;
  std::uint64_t rows = 0;
  std::uint64_t hash = 0;
};

/// Returns false if FARM_CHECKSUM=0.
[[nodiscard]] bool checksums_wanted();

/// Rows of an array in memory.
struct Rows {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t row_bytes = 0;
  char const* data = nullptr;
};

/// Divides the rows into pieces that fit in the processor's cache. For each piece, in order, calls
/// `f(offset in data, bytes)` and then hashes the piece while it is cached.
[[nodiscard]] std::vector<Stripe> hash_stripes(Rows const& rows,
                                               std::function<void(std::uint64_t, std::uint64_t)> const& f);
[[nodiscard]] std::vector<Stripe> hash_stripes(Rows const& rows);

/// Returns the number of stripes that hash_stripes() makes of so many rows.
[[nodiscard]] std::uint64_t count_stripes(std::uint64_t rows, std::uint64_t row_bytes);

/// Name of the dataset that holds the checksums: one row of first_row, rows and hash per stripe.
inline constexpr char const* checksums_dataset = "/checksums";
[[nodiscard]] Extents extents_of_checksums(std::uint64_t stripes);

/// Divides rows at the boundaries of stripes and calls `f(first, count)` for each part, in order. A caller that reads
/// and verifies one part before the next one finds the part in the processor's cache.
void for_each_stripe(ArrayInfo const& info, std::uint64_t first, std::uint64_t count,
                     std::function<void(std::uint64_t, std::uint64_t)> const& f);

/// Throws StageError unless all stripes that these rows touch are as they were written. `data` holds the rows; the rest
/// of a stripe is read from the file. A process verifies each stripe once, until the file is modified.
void verify_rows(ArrayInfo const& info, std::uint64_t first, std::uint64_t count, void const* data);

}  // namespace farm::detail
