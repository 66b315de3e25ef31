#pragma once

#include <farm/extents.hpp>

#include <cstddef>
#include <cstdint>

namespace farm::detail {

/// A block within an array.
struct Piece {
  Extents offset;
  Extents count;
};

/// Divides a block into pieces of at most `limit` bytes (at least one element). Read one after the other, the pieces
/// give the block's elements in row-major order.
class Pieces {
 public:
  Pieces(Extents offset, Extents count, std::size_t element_size, std::uint64_t limit);

  /// Returns the number of pieces.
  [[nodiscard]] std::uint64_t size() const noexcept { return outer_ * cuts_; }
  [[nodiscard]] Piece operator[](std::uint64_t i) const;

 private:
  Extents offset_;
  Extents count_;
  std::size_t axis_ = 0;     // the axis that is cut; a piece has one index along each axis before it
  std::uint64_t step_ = 1;   // indices per piece along that axis
  std::uint64_t cuts_ = 0;   // pieces along that axis
  std::uint64_t outer_ = 1;  // product of the extents of the axes before it
};

/// Bytes that are in memory at a time while an array is copied.
inline constexpr std::uint64_t copy_limit = std::uint64_t{32} << 20U;
/// Bytes per transfer of HDF5. Independent transfers fail above 2 GiB; collective ones are slow above 1 GiB.
inline constexpr std::uint64_t transfer_limit = std::uint64_t{512} << 20U;

}  // namespace farm::detail
