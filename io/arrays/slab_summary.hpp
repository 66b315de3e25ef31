#pragma once

#include <farm/detail/slab_memory.hpp>
#include <farm/detail/slab_shape.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>
#include <farm/stage_options.hpp>

#include <array>
#include <cstdint>
#include <vector>

#include "io/arrays/rank_agreement.hpp"

namespace farm::detail {

/// What each rank tells the others about its slab before the slabs are published. The fields from `threshold` to
/// `collective` count on rank 0 only.
struct SlabSummary {
  std::uint64_t type = 0;
  std::uint64_t dimensions = 0;
  std::array<std::uint64_t, max_dimensions> extents{};
  std::uint64_t first_row = 0;
  std::uint64_t rows = 0;
  std::uint64_t threshold = 0;
  std::uint64_t checksum = 0;
  std::uint64_t collective = 0;
  std::uint64_t host = 0;  ///< hash of the host's name
  std::uint64_t file = 0;  ///< hash of the path of the file that the rows are mapped from; 0: none
  std::uint64_t inode = 0;
};

/// Returns the summary of this rank's slab. `file` is the file that the slab is mapped from; null for none.
[[nodiscard]] SlabSummary summarize(SlabShape const& shape, ElementType type, SlabFile const* file,
                                    StageOptions const& options);

/// Returns the summaries of all ranks, in the order of ranks. Collective.
[[nodiscard]] std::vector<SlabSummary> exchange_summaries(RankAgreement const& ranks, SlabSummary const& own);

/// Throws UsageError unless the slabs together are all rows of one array. All ranks come to the same result.
void check_summaries(std::vector<SlabSummary> const& slabs, Extents const& extents);

}  // namespace farm::detail
