#include <farm/error.hpp>
#include <farm/publish.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <string_view>

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

/// By rank 0; all that share the file must see it.
StagedName begin_together(Ranks const& ranks, StageOptions const& options, std::uint64_t bytes) {
  StagedName name;
  ranks.by_first([&] { name = begin_staged_file(options, bytes); });
  ranks.broadcast(name.file);
  ranks.broadcast(name.part);
  return name;
}

void check_shared(Ranks const& ranks, StagedName const& name) {
  ranks.together([&] {
    if (access(name.part.c_str(), W_OK) != 0)
      throw system_error({name.part}, "was made by rank 0, but is not to be seen or written here", errno);
  });
}

ArrayInfo publish_file(Ranks const& ranks, SlabShape const& shape, ElementType type, void const* elements,
                       StageOptions const& options, bool checksum) {
  auto const element = element_size(type);
  auto const name = begin_together(ranks, options, element_count(shape.extents()) * element);
  try {
    check_shared(ranks, name);
    auto const written = write_slabs(ranks, {name.part, staged_dataset}, type, shape, elements);
    std::vector<Stripe> own;
    if (checksum) own = hash_stripes(shape.first_row(), shape.rows(), shape.row_size() * element, elements);
    auto const stripes = gather_stripes(ranks, own);
    ArrayInfo info{.file = name.part,
                   .dataset = staged_dataset,
                   .type = type,
                   .extents = shape.extents(),
                   .data_offset = written.data_offset};
    ranks.by_first([&] { static_cast<void>(complete_staged_file(name, info, ranks.size(), options, stripes)); });
    info.file = name.file;
    info.staged = true;
    return info;
  } catch (...) {
    if (ranks.rank() == 0) abandon_staged_file(name);
    throw;
  }
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
    return publish_file(ranks, shape, type, elements, options, offers.front().checksum != 0);
  std::string_view const mine{static_cast<char const*>(elements), shape.size() * element};
  return {.dataset = staged_dataset, .type = type, .extents = shape.extents(), .inline_data = ranks.all_gather(mine)};
}

}  // namespace farm::detail
