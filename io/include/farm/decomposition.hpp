#pragma once

#include <algorithm>
#include <cstdint>

namespace farm {

/// How the rows of an array are divided among ranks: in order, rank r having rows / ranks of them, and one more where
/// r < rows % ranks. With fewer rows than ranks the last ranks have none.
struct Decomposition {
  std::uint64_t rows = 0;
  int ranks = 1;  ///< at least 1

  [[nodiscard]] constexpr std::uint64_t rows_of(int rank) const noexcept {
    return quotient() + (static_cast<std::uint64_t>(rank) < remainder() ? 1U : 0U);
  }
  /// Of a rank without rows: where they would be.
  [[nodiscard]] constexpr std::uint64_t first_row_of(int rank) const noexcept {
    auto const r = static_cast<std::uint64_t>(rank);
    return r * quotient() + std::min(r, remainder());
  }
  /// Which rank has the row; row < rows.
  [[nodiscard]] constexpr int rank_of(std::uint64_t row) const noexcept {
    auto const in_larger = remainder() * (quotient() + 1);
    return static_cast<int>(row < in_larger ? row / (quotient() + 1) : remainder() + (row - in_larger) / quotient());
  }

 private:
  [[nodiscard]] constexpr std::uint64_t quotient() const noexcept { return rows / static_cast<std::uint64_t>(ranks); }
  [[nodiscard]] constexpr std::uint64_t remainder() const noexcept { return rows % static_cast<std::uint64_t>(ranks); }
};

}  // namespace farm
