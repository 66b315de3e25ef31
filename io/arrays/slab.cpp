#include <farm/error.hpp>
#include <farm/slab.hpp>

#include <sys/mman.h>
#include <cstdint>

#include "io/arrays/ranks.hpp"

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
  Ranks const ranks{comm};
  Decomposition const rows{extents[0], ranks.size()};
  auto const first = rows.first_row_of(ranks.rank());
  auto const count = rows.rows_of(ranks.rank());
  return {std::move(extents), first, count};
}

void use_large_pages(void* memory, std::size_t bytes) noexcept {
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20U;
  auto const begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) / page * page;
  auto const end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / page * page;
  if (end <= begin) return;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace farm::detail
