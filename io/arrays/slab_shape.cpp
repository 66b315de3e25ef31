#include <farm/decomposition.hpp>
#include <farm/detail/slab_shape.hpp>

#include <utility>

#include "io/arrays/rank_agreement.hpp"

namespace farm::detail {

SlabShape::SlabShape(Extents extents, std::uint64_t first_row, std::uint64_t rows)
    : extents_(std::move(extents)), first_row_(first_row), rows_(rows), row_size_(element_count(extents_, 1)) {}

Extents SlabShape::local_extents() const {
  auto local = extents_;
  if (!local.empty()) local[0] = rows_;
  return local;
}

SlabShape shape_of_rank(MPI_Comm comm, Extents extents, std::size_t element_size) {
  check_extents(extents, element_size);
  RankAgreement const ranks{comm};
  Decomposition const rows{extents[0], ranks.size()};
  auto const first = rows.first_row_of(ranks.rank());
  auto const count = rows.rows_of(ranks.rank());
  return {std::move(extents), first, count};
}

}  // namespace farm::detail
