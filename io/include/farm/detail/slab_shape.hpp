#pragma once

#include <farm/extents.hpp>

#include <mpi.h>

#include <cstddef>
#include <cstdint>

namespace farm::detail {

/// Which rows of which array a slab holds.
class SlabShape {
 public:
  /// Constructs the shape of an empty slab.
  SlabShape() = default;
  /// Constructs the shape of rows first_row .. first_row + rows - 1 of an array with these extents.
  SlabShape(Extents extents, std::uint64_t first_row, std::uint64_t rows);

  /// Returns the index, along the array's first axis, of the slab's first row.
  [[nodiscard]] std::uint64_t first_row() const noexcept { return first_row_; }
  /// Returns the number of rows in the slab, halo included.
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  /// Returns the extents of the whole array.
  [[nodiscard]] Extents const& extents() const noexcept { return extents_; }
  /// Returns the extents of the slab: rows(), then the array's other extents.
  [[nodiscard]] Extents local_extents() const;
  /// Returns the number of elements per row.
  [[nodiscard]] std::uint64_t row_size() const noexcept { return row_size_; }
  /// Returns the number of elements in the slab.
  [[nodiscard]] std::size_t size() const noexcept { return rows_ * row_size_; }

 private:
  Extents extents_{};
  std::uint64_t first_row_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t row_size_ = 0;
};

/// Returns the rows that Decomposition assigns to this rank. Not collective. Throws UsageError for invalid extents.
[[nodiscard]] SlabShape shape_of_rank(MPI_Comm comm, Extents extents, std::size_t element_size);

}  // namespace farm::detail
