#pragma once

#include <farm/extents.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace farm::detail {

/// A block within an array.
struct Piece {
  Extents offset;
  Extents count;
};

/// Cuts a block into pieces of `limit` bytes at most, which together, in this order, are its elements in row-major
/// order.
class Pieces {
 public:
  Pieces(Extents offset, Extents count, std::size_t element_size, std::uint64_t limit);

  [[nodiscard]] std::uint64_t size() const noexcept { return outer_ * cuts_; }
  [[nodiscard]] Piece operator[](std::uint64_t i) const;

 private:
  Extents offset_;
  Extents count_;
  std::size_t axis_ = 0;     // the one that is cut; those before it have one index per piece
  std::uint64_t step_ = 1;   // along that axis
  std::uint64_t cuts_ = 0;   // of that axis
  std::uint64_t outer_ = 1;  // indices along the axes before it
};

/// Bytes that are held at a time while an array is copied.
inline constexpr std::uint64_t copy_limit = std::uint64_t{32} << 20U;
/// Bytes per transfer of HDF5: independent ones fail above 2 GiB, collective ones go a slow way above 1 GiB.
inline constexpr std::uint64_t transfer_limit = std::uint64_t{512} << 20U;

}  // namespace farm::detail
