#include "io/arrays/parallel_write.hpp"

#include <fmt/format.h>

#include <cstring>

#include "io/files/file_bytes.hpp"
#include "io/files/pieces.hpp"
#include "io/hdf5/dataset.hpp"

namespace farm::detail {
namespace {

bool was_collective(hid_t transfer) {
  H5D_mpio_actual_io_mode_t mode = H5D_MPIO_NO_COLLECTIVE;
  H5Pget_mpio_actual_io_mode(transfer, &mode);
  std::uint32_t here = 0;
  std::uint32_t anywhere = 0;
  H5Pget_mpio_no_collective_cause(transfer, &here, &anywhere);
  return mode != H5D_MPIO_NO_COLLECTIVE && anywhere == H5D_MPIO_COLLECTIVE;
}

FileHandle open_together(Ranks const& ranks, ErrorSite const& place) {
  auto const access = file_access(false);
  H5Pset_fapl_mpio(access, ranks.comm(), MPI_INFO_NULL);
  return FileHandle{check_hdf5(H5Fopen(place.file.c_str(), H5F_ACC_RDWR, access), place, "cannot be opened by all")};
}

/// One piece of this rank's, or nothing where it has no such piece.
bool write_piece(hid_t dataset, ErrorSite const& place, ElementType type, Pieces const& pieces, std::uint64_t index,
                 char const*& elements) {
  PropertiesHandle const transfer{H5Pcreate(H5P_DATASET_XFER)};
  H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
  SpaceHandle const space{H5Dget_space(dataset)};
  auto memory = make_space({1});
  auto const* const from = elements;
  if (index < pieces.size()) {
    auto const piece = pieces[index];
    memory = make_space(piece.count);
    select(space, piece.offset, piece.count);
    elements += element_count(piece.count) * element_size(type);
  } else {
    H5Sselect_none(space);
    H5Sselect_none(memory);
  }
  check_hdf5(H5Dwrite(dataset, native_type(type), memory, space, transfer, from), place, "cannot be written");
  return was_collective(transfer);
}

}  // namespace

bool write_slabs(Ranks const& ranks, StagedFile const& file, SlabShape const& shape, void const* elements) {
  auto const place = file.place();
  Extents offset(shape.extents().size());
  offset[0] = shape.first_row();
  Pieces const pieces{offset, shape.local_extents(), element_size(file.type), transfer_limit};
  auto const transfers = ranks.maximum(pieces.size());

  Hdf5Lock const lock;
  FileHandle opened;
  DatasetHandle dataset;
  bool collective = true;
  auto const* from = static_cast<char const*>(elements);
  ranks.together([&] { opened = open_together(ranks, place); });
  ranks.together([&] { dataset = open_dataset(opened, place); });
  for (std::uint64_t i = 0; i < transfers; ++i)
    ranks.together([&] { collective &= write_piece(dataset, place, file.type, pieces, i, from); });
  ranks.together([&] {
    check_hdf5(dataset.reset(), place, "cannot be closed");
    check_hdf5(opened.reset(), place, "cannot be closed");
  });
  return collective;
}

std::vector<Stripe> compare_rows(StagedFile const& file, Rows const& rows) {
  auto const all = rows.count * rows.row_bytes;
  if (all == 0) return {};
  auto const place = file.place();
  auto const begin = file.data_offset + rows.first * rows.row_bytes;
  FileReader const reader{place, begin, all};
  std::vector<char> piece;
  return hash_stripes(rows, [&](std::uint64_t at, std::uint64_t bytes) {
    piece.resize(bytes);
    reader.read(begin + at, bytes, piece.data());
    if (std::memcmp(piece.data(), rows.data + at, bytes) != 0)
      throw stage_error(place, fmt::format("was not written to the end: bytes from {} on are others", begin + at));
  });
}

}  // namespace farm::detail
