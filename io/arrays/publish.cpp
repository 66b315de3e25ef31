#include <farm/detail/span.hpp>
#include <farm/publish.hpp>
#include <farm/serialize.hpp>
#include <farm/stage_directory.hpp>

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <functional>

#include "io/arrays/parallel_write.hpp"
#include "io/arrays/slab_summary.hpp"
#include "io/files/file_bytes.hpp"
#include "io/stage/staged_file.hpp"

namespace farm::detail {
namespace {

/// How the elements get into the file.
enum class WriteMode : std::uint64_t {
  in_place,     ///< all slabs are mapped from one file, which becomes the array's file
  independent,  ///< every rank writes its rows; all ranks and the file system are on one host
  collective    ///< all ranks write with HDF5's collective transfers
};

/// Called by rank 0, which knows the slabs of all ranks.
WriteMode choose_mode(std::vector<SlabSummary> const& slabs, StageOptions const& options) {
  auto const& first = slabs.front();
  auto const same_host = [&](SlabSummary const& slab) { return slab.host == first.host; };
  auto const same_file = [&](SlabSummary const& slab) {
    return slab.rows == 0 || (slab.file == first.file && slab.inode == first.inode);
  };
  if (first.collective != 0 || !std::all_of(slabs.begin(), slabs.end(), same_host)) return WriteMode::collective;
  auto const directory = directory_of(options);
  if (!is_local_file_system(file_system_of(directory))) return WriteMode::collective;
  bool const in_place = first.file != 0 && options.name.empty() && directory == directory_of({}) &&
                        std::all_of(slabs.begin(), slabs.end(), same_file);
  return in_place ? WriteMode::in_place : WriteMode::independent;
}

/// The part file that rank 0 has made, and how the ranks fill it.
struct PreparedFile {
  StagedFile file{};
  WriteMode mode = WriteMode::independent;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(file.file, file.part, file.data_offset, file.checksums_offset, file.image, mode);
  }
};

PreparedFile prepare_file(RankAgreement const& ranks, ElementType type, Extents const& extents,
                          StageOptions const& options, std::vector<SlabSummary> const& slabs, SlabFile const* slab_file,
                          std::uint64_t stripes) {
  auto const packed = ranks.from_root([&] {
    PreparedFile prepared;
    prepared.mode = choose_mode(slabs, options);
    prepared.file = begin_staged_file(options, type, extents, ranks.size(), stripes,
                                      prepared.mode == WriteMode::in_place ? slab_file->path : std::string{});
    return pack(prepared);
  });
  auto prepared = unpack<PreparedFile>(packed);
  prepared.file.type = type;
  prepared.file.extents = extents;
  prepared.file.stripes = stripes;
  return prepared;
}

void check_visible(StagedFile const& file) {
  if (access(file.part.c_str(), W_OK) != 0) {
    throw system_error(
        file.site(),
        "was created by rank 0 but cannot be seen or written on this rank; stage in a directory that all "
        "hosts share",
        errno);
  }
}

/// Reserves room for this rank's rows, so that no rank fails while all are in a collective write.
void reserve_rows(StagedFile const& file, Rows const& rows) {
  check_visible(file);
  reserve_file(file.site(), file.data_offset + rows.first * rows.row_bytes, rows.count * rows.row_bytes);
}

/// Writes this rank's rows unless the file has them already, and returns their checksums.
std::vector<Stripe> finish_rows(PreparedFile const& prepared, Rows const& rows) {
  if (prepared.mode == WriteMode::independent) {
    check_visible(prepared.file);
    return write_rows(prepared.file, rows);
  }
  if (prepared.file.stripes == 0) return {};
  return prepared.mode == WriteMode::in_place ? hash_stripes(rows) : compare_rows(prepared.file, rows);
}

std::uint64_t count_all_stripes(std::vector<SlabSummary> const& slabs, std::uint64_t row_bytes) {
  std::uint64_t stripes = 0;
  for (auto const& slab : slabs) stripes += count_stripes(slab.rows, row_bytes);
  return stripes;
}

/// Calls `f` on every rank and returns the stripes of all ranks.
std::vector<Stripe> gather_stripes(RankAgreement const& ranks, std::function<std::vector<Stripe>()> const& f) {
  auto const bytes = ranks.from_all([&] {
    auto const own = f();
    return std::string{reinterpret_cast<char const*>(own.data()), own.size() * sizeof(Stripe)};
  });
  std::vector<Stripe> stripes(bytes.size() / sizeof(Stripe));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(stripes.data()));
  return stripes;
}

ArrayInfo publish_file(RankAgreement const& ranks, SlabShape const& shape, ElementType type, void const* elements,
                       SlabFile const* slab_file, StageOptions const& options, std::vector<SlabSummary> const& slabs) {
  Rows const rows{shape.first_row(), shape.rows(), shape.row_size() * element_size(type),
                  static_cast<char const*>(elements)};
  Span const span{"publish", rows.count * rows.row_bytes};
  auto const stripes = slabs.front().checksum != 0 ? count_all_stripes(slabs, rows.row_bytes) : 0;
  auto const prepared = prepare_file(ranks, type, shape.extents(), options, slabs, slab_file, stripes);
  try {
    if (prepared.mode == WriteMode::collective) {
      ranks.on_all([&] { reserve_rows(prepared.file, rows); });
      write_slabs(ranks, prepared.file, shape, elements);
    }
    auto const all = gather_stripes(ranks, [&] { return finish_rows(prepared, rows); });
    ranks.on_root([&] { complete_staged_file(prepared.file, all); });
  } catch (...) {
    if (ranks.rank() == 0) abandon_staged_file(prepared.file);
    throw;
  }
  return info_of(prepared.file);
}

}  // namespace

ArrayInfo publish_slab(MPI_Comm comm, SlabShape const& shape, ElementType type, void const* elements,
                       SlabFile const* file, StageOptions const& options) {
  RankAgreement const ranks{comm};
  auto const slabs = exchange_summaries(ranks, summarize(shape, type, file, options));
  check_summaries(slabs, shape.extents());

  auto const element = element_size(type);
  auto const bytes = element_count(shape.extents()) * element;
  if (bytes != 0 && bytes >= slabs.front().threshold)
    return publish_file(ranks, shape, type, elements, file, options, slabs);
  std::string mine{static_cast<char const*>(elements), shape.size() * element};
  return {.dataset = StagedFile::dataset, .type = type, .extents = shape.extents(), .inline_data = ranks.from_all([&] {
            return std::move(mine);
          })};
}

}  // namespace farm::detail
