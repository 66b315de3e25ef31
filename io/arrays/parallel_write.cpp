#include "io/arrays/parallel_write.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <cstring>
#include <string>

#include "io/datasets/dataset.hpp"
#include "io/files/file_bytes.hpp"
#include "io/hdf5/pieces.hpp"

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

FileHandle open_together(RankAgreement const& ranks, ErrorSite const& site) {
  auto const access = file_access(false);
  H5Pset_fapl_mpio(access, ranks.comm(), MPI_INFO_NULL);
  return FileHandle{
      check_hdf5(H5Fopen(site.file.c_str(), H5F_ACC_RDWR, access), site, "cannot be opened by all ranks")};
}

/// Writes one piece of this rank's slab. A rank without such a piece takes part but writes nothing. Returns true if the
/// write was collective.
bool write_piece(hid_t dataset, ErrorSite const& site, ElementType type, Pieces const& pieces, std::uint64_t index,
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
  check_hdf5(H5Dwrite(dataset, native_type(type), memory, space, transfer, from), site, "cannot be written");
  return was_collective(transfer);
}

/// Called by all ranks after a collective write has failed. HDF5 1.14 leaves the view of that write on the file: it
/// would write its superblock among the data. If this fails on one rank only, H5Fclose never returns.
void reset_view(hid_t file) {
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0 || handle == nullptr) return;
  std::string native = "native";
  MPI_File_set_view(*static_cast<MPI_File*>(handle), 0, MPI_BYTE, MPI_BYTE, native.data(), MPI_INFO_NULL);
}

}  // namespace

bool write_slabs(RankAgreement const& ranks, StagedFile const& file, SlabShape const& shape, void const* elements) {
  auto const site = file.site();
  Extents offset(shape.extents().size());
  offset[0] = shape.first_row();
  Pieces const pieces{offset, shape.local_extents(), element_size(file.type), transfer_limit};
  auto const transfers = ranks.maximum(pieces.size());

  Hdf5Lock const lock;
  FileHandle opened;
  DatasetHandle dataset;
  bool collective = true;
  auto const* from = static_cast<char const*>(elements);
  ranks.on_all([&] { opened = open_together(ranks, site); });
  ranks.on_all([&] { dataset = open_dataset(opened, site); });
  try {
    for (std::uint64_t i = 0; i < transfers; ++i)
      ranks.on_all([&] { collective &= write_piece(dataset, site, file.type, pieces, i, from); });
  } catch (...) {
    reset_view(opened);
    throw;
  }
  ranks.on_all([&] {
    check_hdf5(dataset.reset(), site, "cannot be closed");
    check_hdf5(opened.reset(), site, "cannot be closed");
  });
  return collective;
}

std::vector<Stripe> compare_rows(StagedFile const& file, Rows const& rows) {
  auto const all = rows.count * rows.row_bytes;
  if (all == 0) return {};
  auto const site = file.site();
  auto const begin = file.data_offset + rows.first * rows.row_bytes;
  FileReader const reader{site, begin, all};
  std::vector<char> piece;
  return hash_stripes(rows, [&](std::uint64_t at, std::uint64_t bytes) {
    piece.resize(bytes);
    reader.read(begin + at, bytes, piece.data());
    if (std::memcmp(piece.data(), rows.data + at, bytes) != 0)
      throw stage_error(site, fmt::format("was not written completely: bytes from offset {} on differ", begin + at));
  });
}

}  // namespace farm::detail
