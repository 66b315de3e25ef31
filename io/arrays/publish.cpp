#include <farm/detail/span.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/serialize.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <functional>
#include <string_view>

#include "core/base/host_name.hpp"
#include "io/arrays/parallel_write.hpp"
#include "io/files/file_bytes.hpp"
#include "io/files/hash.hpp"
#include "io/stage/staged_file.hpp"

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
  std::uint64_t collective = 0;
  std::uint64_t host = 0;
  std::uint64_t file = 0;  ///< hash of the path of the file in which the rows are; 0: in none
  std::uint64_t inode = 0;
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

std::uint64_t hash_of(std::string_view text) {
  Hash hash;
  hash.add(text.data(), text.size());
  return hash.take();
}

std::uint64_t hash_of_host() { return hash_of(host_name()); }

/// How the elements come into the file.
enum class Way : std::uint64_t {
  there,      ///< all slabs are mapped from one file, which becomes the array's
  each,       ///< every rank writes its rows: they are on one host, and so is the file system
  collective  ///< in collective transfers of HDF5
};

/// By rank 0, from what all have.
Way way_of(std::vector<Offer> const& offers, StageOptions const& options) {
  auto const& first = offers.front();
  auto const same_host = [&](Offer const& offer) { return offer.host == first.host; };
  auto const same_file = [&](Offer const& offer) {
    return offer.rows == 0 || (offer.file == first.file && offer.inode == first.inode);
  };
  if (first.collective != 0 || !std::all_of(offers.begin(), offers.end(), same_host)) return Way::collective;
  auto const directory = directory_of(options);
  if (!is_local_file_system(file_system_of(directory))) return Way::collective;
  bool const there = first.file != 0 && options.name.empty() && directory == directory_of({}) &&
                     std::all_of(offers.begin(), offers.end(), same_file);
  return there ? Way::there : Way::each;
}

/// A file without elements, made by rank 0.
struct Begun {
  StagedFile file{};
  Way way = Way::each;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(file.file, file.part, file.data_offset, file.checksums_offset, file.image, way);
  }
};

Begun begin_together(Ranks const& ranks, ElementType type, Extents const& extents, StageOptions const& options,
                     std::vector<Offer> const& offers, SlabFile const* slab_file, std::uint64_t stripes) {
  auto const packed = ranks.from_first([&] {
    Begun begun;
    begun.way = way_of(offers, options);
    begun.file = begin_staged_file(options, type, extents, ranks.size(), stripes,
                                   begun.way == Way::there ? slab_file->path : std::string{});
    return pack(begun);
  });
  auto begun = unpack<Begun>(packed);
  begun.file.type = type;
  begun.file.extents = extents;
  begun.file.stripes = stripes;
  return begun;
}

void check_visible(StagedFile const& file) {
  if (access(file.part.c_str(), W_OK) != 0)
    throw system_error(file.place(), "was made by rank 0, but is not to be seen or written here", errno);
}

/// Nobody shall fail when all are in a collective write.
void reserve_rows(StagedFile const& file, Rows const& rows) {
  check_visible(file);
  reserve_file(file.place(), file.data_offset + rows.first * rows.row_bytes, rows.count * rows.row_bytes);
}

/// Of this rank's rows, which are in the file afterwards; the checksums.
std::vector<Stripe> finish_rows(Begun const& begun, Rows const& rows) {
  if (begun.way == Way::each) {
    check_visible(begun.file);
    return write_rows(begun.file, rows);
  }
  if (begun.file.stripes == 0) return {};
  return begun.way == Way::there ? hash_stripes(rows) : compare_rows(begun.file, rows);
}

std::uint64_t count_stripes(std::vector<Offer> const& offers, std::uint64_t row_bytes) {
  std::uint64_t stripes = 0;
  for (auto const& offer : offers) stripes += detail::count_stripes(offer.rows, row_bytes);
  return stripes;
}

/// Of all ranks.
std::vector<Stripe> gather_stripes(Ranks const& ranks, std::function<std::vector<Stripe>()> const& f) {
  auto const bytes = ranks.from_all([&] {
    auto const own = f();
    return std::string{reinterpret_cast<char const*>(own.data()), own.size() * sizeof(Stripe)};
  });
  std::vector<Stripe> stripes(bytes.size() / sizeof(Stripe));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(stripes.data()));
  return stripes;
}

ArrayInfo publish_file(Ranks const& ranks, SlabShape const& shape, ElementType type, void const* elements,
                       SlabFile const* slab_file, StageOptions const& options, std::vector<Offer> const& offers) {
  Rows const rows{shape.first_row(), shape.rows(), shape.row_size() * element_size(type),
                  static_cast<char const*>(elements)};
  Span const span{"publish", rows.count * rows.row_bytes};
  auto const stripes = offers.front().checksum != 0 ? count_stripes(offers, rows.row_bytes) : 0;
  auto const begun = begin_together(ranks, type, shape.extents(), options, offers, slab_file, stripes);
  try {
    if (begun.way == Way::collective) {
      ranks.together([&] { reserve_rows(begun.file, rows); });
      write_slabs(ranks, begun.file, shape, elements);
    }
    auto const all = gather_stripes(ranks, [&] { return finish_rows(begun, rows); });
    ranks.by_first([&] { complete_staged_file(begun.file, all); });
  } catch (...) {
    if (ranks.rank() == 0) abandon_staged_file(begun.file);
    throw;
  }
  return info_of(begun.file);
}

}  // namespace

ArrayInfo publish_slab(MPI_Comm comm, SlabShape const& shape, ElementType type, void const* elements,
                       SlabFile const* file, StageOptions const& options) {
  constexpr std::uint64_t largest_threshold = std::uint64_t{1} << 30U;  // MPI counts in int
  Ranks const ranks{comm};
  Offer own{.type = static_cast<std::uint64_t>(type),
            .dimensions = shape.extents().size(),
            .first_row = shape.first_row(),
            .rows = shape.rows(),
            .threshold = std::min(options.threshold, largest_threshold),
            .checksum = options.checksum && checksums_wanted() ? 1U : 0U,
            .collective = options.collective ? 1U : 0U,
            .host = hash_of_host(),
            .file = file == nullptr ? 0 : hash_of(file->path),
            .inode = file == nullptr ? 0 : file->inode};
  std::copy(shape.extents().begin(), shape.extents().end(), own.extents.begin());
  auto const offers = exchange_offers(ranks, own);
  check_offers(offers, shape.extents());

  auto const element = element_size(type);
  auto const bytes = element_count(shape.extents()) * element;
  if (bytes != 0 && bytes >= offers.front().threshold)
    return publish_file(ranks, shape, type, elements, file, options, offers);
  std::string mine{static_cast<char const*>(elements), shape.size() * element};
  return {.dataset = StagedFile::dataset, .type = type, .extents = shape.extents(), .inline_data = ranks.from_all([&] {
            return std::move(mine);
          })};
}

}  // namespace farm::detail
