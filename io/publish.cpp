#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/span.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <string_view>

#include "io/file_bytes.hpp"
#include "io/parallel_write.hpp"
#include "io/staged_file.hpp"

namespace farm::detail {
namespace {

/// What a rank has, and, of rank 0, what it wants.
struct Offer {
  std::uint64_t type = 0;
  std::uint64_t dimensions = 0;
  std::array<std::uint64_t, max_dimensions> extents{};
  std::uint64_t first_row = 0;
  std::uint64_t rows = 0;
  std::uint64_t threshold = 0;
  std::uint64_t checksum = 0;
};
constexpr std::size_t offer_size = sizeof(Offer) / sizeof(std::uint64_t);

std::vector<Offer> exchange_offers(Ranks const& ranks, Offer const& own) {
  auto const values = std::bit_cast<std::array<std::uint64_t, offer_size>>(own);
  auto const all = ranks.all_gather({values.begin(), values.end()});
  std::vector<Offer> offers;
  for (auto from = all.begin(); from != all.end(); from += offer_size) {
    std::array<std::uint64_t, offer_size> of_rank{};
    std::copy_n(from, offer_size, of_rank.begin());
    offers.push_back(std::bit_cast<Offer>(of_rank));
  }
  return offers;
}

/// All ranks find the same.
void check_offers(std::vector<Offer> const& offers, Extents const& extents) {
  auto const& first = offers.front();
  std::uint64_t next = 0;
  for (std::size_t rank = 0; rank < offers.size(); ++rank) {
    auto const& offer = offers[rank];
    if (offer.type != first.type || offer.dimensions != first.dimensions || offer.extents != first.extents) {
      throw UsageError(fmt::format("rank {} and rank 0 publish different arrays", rank));
    }
    if (offer.rows != 0 && offer.first_row != next) {
      throw UsageError(
          fmt::format("rank {} publishes rows from {} on, row {} was expected", rank, offer.first_row, next));
    }
    next += offer.rows;
  }
  if (first.dimensions == 0) throw UsageError("a slab of no array is published");
  if (next != extents.at(0)) throw UsageError(fmt::format("{} of {} rows are published", next, extents.at(0)));
}

std::vector<Stripe> gather_stripes(Ranks const& ranks, std::vector<Stripe> const& own) {
  auto const all =
      ranks.all_gather(std::string_view{reinterpret_cast<char const*>(own.data()), own.size() * sizeof(Stripe)});
  std::vector<Stripe> stripes(all.size() / sizeof(Stripe));
  std::copy(all.begin(), all.end(), reinterpret_cast<char*>(stripes.data()));
  return stripes;
}

/// By rank 0.
StagedFile begin_together(Ranks const& ranks, ElementType type, Extents const& extents, StageOptions const& options,
                          std::uint64_t stripes) {
  StagedFile file{.type = type, .extents = extents};
  ranks.by_first([&] { file = begin_staged_file(options, type, extents, ranks.size(), stripes); });
  ranks.broadcast(file.file);
  ranks.broadcast(file.part);
  file.data_offset = ranks.maximum(file.data_offset);
  return file;
}

/// All must see the file, and find room in it: nobody shall fail when all are in a collective write.
void reserve_rows(StagedFile const& file, SlabShape const& shape, std::uint64_t row_bytes) {
  if (access(file.part.c_str(), W_OK) != 0)
    throw system_error(file.place(), "was made by rank 0, but is not to be seen or written here", errno);
  reserve_file(file.place(), file.data_offset + shape.first_row() * row_bytes, shape.rows() * row_bytes);
}

std::uint64_t count_stripes(std::vector<Offer> const& offers, std::uint64_t row_bytes) {
  std::uint64_t stripes = 0;
  for (auto const& offer : offers) stripes += detail::count_stripes(offer.rows, row_bytes);
  return stripes;
}

ArrayInfo publish_file(Ranks const& ranks, SlabShape const& shape, ElementType type, void const* elements,
                       StageOptions const& options, std::vector<Offer> const& offers) {
  auto const row_bytes = shape.row_size() * element_size(type);
  Span const span{"publish", shape.rows() * row_bytes};
  bool const checksum = offers.front().checksum != 0;
  auto const file =
      begin_together(ranks, type, shape.extents(), options, checksum ? count_stripes(offers, row_bytes) : 0);
  try {
    ranks.together([&] { reserve_rows(file, shape, row_bytes); });
    write_slabs(ranks, file, shape, elements);
    std::vector<Stripe> own;
    if (checksum) compare_slabs(ranks, file, shape, elements);
    if (checksum) own = hash_stripes(shape.first_row(), shape.rows(), row_bytes, elements);
    auto const stripes = gather_stripes(ranks, own);
    ranks.by_first([&] { complete_staged_file(file, stripes); });
  } catch (...) {
    if (ranks.rank() == 0) abandon_staged_file(file);
    throw;
  }
  return info_of(file);
}

}  // namespace

ArrayInfo publish_slab(MPI_Comm comm, SlabShape const& shape, ElementType type, void const* elements,
                       StageOptions const& options) {
  constexpr std::uint64_t largest_threshold = std::uint64_t{1} << 30U;  // MPI counts in int
  Ranks const ranks{comm};
  Offer own{.type = static_cast<std::uint64_t>(type),
            .dimensions = shape.extents().size(),
            .first_row = shape.first_row(),
            .rows = shape.rows(),
            .threshold = std::min(options.threshold, largest_threshold),
            .checksum = options.checksum && checksums_wanted() ? 1U : 0U};
  std::copy(shape.extents().begin(), shape.extents().end(), own.extents.begin());
  auto const offers = exchange_offers(ranks, own);
  check_offers(offers, shape.extents());

  auto const element = element_size(type);
  auto const bytes = element_count(shape.extents()) * element;
  if (bytes != 0 && bytes >= offers.front().threshold)
    return publish_file(ranks, shape, type, elements, options, offers);
  std::string_view const mine{static_cast<char const*>(elements), shape.size() * element};
  return {
      .dataset = StagedFile::dataset, .type = type, .extents = shape.extents(), .inline_data = ranks.all_gather(mine)};
}

}  // namespace farm::detail
