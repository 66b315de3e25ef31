#pragma once

#include <algorithm>
#include <cstdint>

namespace farm {

/// Distribution of the rows of an array over ranks, in order. Rank r has rows / ranks rows, and one more if
/// r < rows % ranks. With fewer rows than ranks, the last ranks have none.
struct Decomposition {
  std::uint64_t rows = 0;  ///< extent of the array's first axis
  int ranks = 1;           ///< at least 1

  /// Returns the number of rows that the rank has.
  [[nodiscard]] constexpr std::uint64_t rows_of(int rank) const noexcept {
    return quotient() + (static_cast<std::uint64_t>(rank) < remainder() ? 1U : 0U);
  }
  /// Returns the index of the rank's first row. For a rank without rows, returns `rows`.
  [[nodiscard]] constexpr std::uint64_t first_row_of(int rank) const noexcept {
    auto const r = static_cast<std::uint64_t>(rank);
    return r * quotient() + std::min(r, remainder());
  }
  /// Returns the rank that has the row; row must be less than `rows`.
  [[nodiscard]] constexpr int rank_of(std::uint64_t row) const noexcept {
    auto const in_larger = remainder() * (quotient() + 1);
    return static_cast<int>(row < in_larger ? row / (quotient() + 1) : remainder() + (row - in_larger) / quotient());
  }

 private:
  [[nodiscard]] constexpr std::uint64_t quotient() const noexcept { return rows / static_cast<std::uint64_t>(ranks); }
  [[nodiscard]] constexpr std::uint64_t remainder() const noexcept { return rows % static_cast<std::uint64_t>(ranks); }
};

}  // namespace farm
