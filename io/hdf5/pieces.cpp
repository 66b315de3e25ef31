#include "io/hdf5/pieces.hpp"

#include <algorithm>
#include <utility>

namespace farm::detail {

Pieces::Pieces(Extents offset, Extents count, std::size_t element_size, std::uint64_t limit)
    : offset_(std::move(offset)), count_(std::move(count)) {
  if (element_count(count_) == 0) return;
  std::uint64_t below = element_count(count_, 1) * element_size;  // bytes per index along axis_
  while (axis_ + 1 < count_.size() && below > limit) {
    outer_ *= count_[axis_++];
    below /= count_[axis_];
  }
  step_ = std::clamp<std::uint64_t>(limit / below, 1, count_[axis_]);
  cuts_ = (count_[axis_] + step_ - 1) / step_;
}

Piece Pieces::operator[](std::uint64_t i) const {
  Piece piece{offset_, count_};
  auto const cut = i % cuts_ * step_;
  piece.offset[axis_] += cut;
  piece.count[axis_] = std::min(step_, count_[axis_] - cut);
  auto outer = i / cuts_;
  for (auto axis = axis_; axis-- > 0;) {
    piece.offset[axis] += outer % count_[axis];
    piece.count[axis] = 1;
    outer /= count_[axis];
  }
  return piece;
}

}  // namespace farm::detail
