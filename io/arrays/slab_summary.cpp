#include "io/arrays/slab_summary.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>

#include "core/base/host_name.hpp"
#include "io/files/checksums.hpp"
#include "io/files/hash.hpp"

namespace farm::detail {
namespace {

constexpr std::size_t summary_size = sizeof(SlabSummary) / sizeof(std::uint64_t);
constexpr std::uint64_t largest_threshold = std::uint64_t{1} << 30U;  // MPI counts bytes in int

std::uint64_t hash_of(std::string_view text) {
  Hash hash;
  hash.add(text.data(), text.size());
  return hash.take();
}

}  // namespace

SlabSummary summarize(SlabShape const& shape, ElementType type, SlabFile const* file, StageOptions const& options) {
  SlabSummary own{.type = static_cast<std::uint64_t>(type),
                  .dimensions = shape.extents().size(),
                  .first_row = shape.first_row(),
                  .rows = shape.rows(),
                  .threshold = std::min(options.threshold, largest_threshold),
                  .checksum = options.checksum && checksums_wanted() ? 1U : 0U,
                  .collective = options.collective ? 1U : 0U,
                  .host = hash_of(host_name()),
                  .file = file == nullptr ? 0 : hash_of(file->path),
                  .inode = file == nullptr ? 0 : file->inode};
  std::copy(shape.extents().begin(), shape.extents().end(), own.extents.begin());
  return own;
}

std::vector<SlabSummary> exchange_summaries(RankAgreement const& ranks, SlabSummary const& own) {
  auto const values = std::bit_cast<std::array<std::uint64_t, summary_size>>(own);
  auto const all = ranks.all_gather({values.begin(), values.end()});
  std::vector<SlabSummary> slabs;
  for (auto from = all.begin(); from != all.end(); from += summary_size) {
    std::array<std::uint64_t, summary_size> of_rank{};
    std::copy_n(from, summary_size, of_rank.begin());
    slabs.push_back(std::bit_cast<SlabSummary>(of_rank));
  }
  return slabs;
}

void check_summaries(std::vector<SlabSummary> const& slabs, Extents const& extents) {
  auto const& first = slabs.front();
  std::uint64_t next = 0;
  for (std::size_t rank = 0; rank < slabs.size(); ++rank) {
    auto const& slab = slabs[rank];
    if (slab.type != first.type || slab.dimensions != first.dimensions || slab.extents != first.extents) {
      throw UsageError(fmt::format(
          "rank {} and rank 0 publish slabs of different arrays; give all ranks the same type and extents", rank));
    }
    if (slab.rows != 0 && slab.first_row != next) {
      throw UsageError(
          fmt::format("rank {} publishes rows from {} on, row {} was expected", rank, slab.first_row, next));
    }
    next += slab.rows;
  }
  if (first.dimensions == 0) throw UsageError("an empty slab, which belongs to no array, cannot be published");
  if (next != extents.at(0))
    throw UsageError(fmt::format("only {} of the array's {} rows are published", next, extents.at(0)));
}

}  // namespace farm::detail
