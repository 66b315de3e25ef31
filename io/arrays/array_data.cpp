#include <farm/detail/array_data.hpp>
#include <farm/detail/large_pages.hpp>
#include <farm/detail/span.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <utility>

#include "io/datasets/dataset.hpp"
#include "io/datasets/external_storage.hpp"
#include "io/datasets/open_files.hpp"
#include "io/datasets/stored_elements.hpp"
#include "io/files/checksums.hpp"
#include "io/files/file_bytes.hpp"
#include "io/files/paths.hpp"

namespace farm::detail {
namespace {

std::uint64_t row_bytes_of(ArrayInfo const& info) { return element_count(info.extents, 1) * element_size(info.type); }

bool is_whole_rows(ArrayInfo const& info, Extents const& count) {
  return std::equal(count.begin() + 1, count.end(), info.extents.begin() + 1);
}

/// Copies a block of the array at `from`, one run at a time. A run is contiguous in both the array and the block.
void copy_block(char const* from, Extents const& extents, Extents const& offset, Extents const& count,
                std::size_t element, char* to) {
  auto axis = extents.size() - 1;  // the first axis within a run
  while (axis > 0 && count[axis] == extents[axis]) --axis;
  auto const run = element_count(count, axis) * element;
  auto const runs = element_count(count) * element / run;
  Extents at = offset;
  for (std::uint64_t i = 0; i < runs; ++i, to += run) {
    std::uint64_t index = 0;
    for (std::size_t d = 0; d < extents.size(); ++d) index = index * extents[d] + at[d];
    std::memcpy(to, from + index * element, run);
    for (auto d = axis; d-- > 0;) {
      if (++at[d] < offset[d] + count[d]) break;
      at[d] = offset[d];
    }
  }
}

std::shared_ptr<void> allocate(std::size_t bytes) {
  std::shared_ptr<void> memory{std::malloc(bytes), std::free};
  if (memory == nullptr) throw std::bad_alloc();
  use_large_pages(memory.get(), bytes);
  return memory;
}

/// Reads and verifies rows.
void read_rows(ArrayInfo const& info, std::uint64_t first, std::uint64_t count, char* out) {
  auto const row_bytes = row_bytes_of(info);
  FileReader const file{data_site_of(info), info.data_offset + first * row_bytes, count * row_bytes};
  for_each_stripe(info, first, count, [&](std::uint64_t row, std::uint64_t rows) {
    auto* const to = out + (row - first) * row_bytes;
    file.read(info.data_offset + row * row_bytes, rows * row_bytes, to);
    verify_rows(info, row, rows, to);
  });
}

struct MappedRows {
  std::shared_ptr<void> rows{};
  bool mapped = false;
};

/// Maps and verifies rows. Reads them into memory if the file system cannot map files.
MappedRows map_rows(ArrayInfo const& info, std::uint64_t first, std::uint64_t count, bool modifiable) {
  auto const row_bytes = row_bytes_of(info);
  Span const span{"map", count * row_bytes};
  auto rows = map_file(data_site_of(info), info.data_offset + first * row_bytes, count * row_bytes,
                       {.modifiable = modifiable, .locked = info.staged});
  if (rows == nullptr) {
    auto memory = allocate(count * row_bytes);
    read_rows(info, first, count, static_cast<char*>(memory.get()));
    return {std::move(memory), false};
  }
  verify_rows(info, first, count, rows.get());
  return {std::move(rows), true};
}

void read_by_hdf5(ArrayInfo const& info, Extents const& offset, Extents const& count, void* out) {
  auto const site = site_of(info);
  Hdf5Lock const lock;
  auto const file = open_file(site, !info.staged);
  auto const dataset = open_dataset_of(file, info);
  auto const found = describe(dataset, site, info.type);
  if (found.extents != info.extents) {
    throw stage_error(site, fmt::format("extents {} were expected, found {}", fmt::join(info.extents, " x "),
                                        fmt::join(found.extents, " x ")));
  }
  Piece const part{offset, count};
  check_stored(dataset, site, &part);
  read_block(dataset, site, info.type, offset, count, out);
}

/// The file that holds a dataset.
struct DataFile {
  std::string path{};  ///< as ArrayInfo::data_file: empty if the dataset lies in the file that was opened
  bool known = false;  ///< false: its bytes must not be used without HDF5
};

DataFile data_file_of(hid_t dataset, std::string const& file) {
  auto path = file_of_dataset(dataset);
  if (path.empty()) return {};
  std::error_code error;
  if (std::filesystem::equivalent(path, file, error)) path.clear();
  return {std::move(path), true};
}

}  // namespace

std::shared_ptr<KeptArray const> keep_array(ArrayInfo info) {
  auto keeper = info.staged ? find_keeper(info.file) : nullptr;
  return std::make_shared<KeptArray const>(KeptArray{std::move(info), std::move(keeper)});
}

ArrayInfo open_array(std::string const& file, std::string const& dataset, ElementType type) {
  ErrorSite const site{absolute_path(file), dataset};
  Hdf5Lock const lock;
  auto const opened = open_file(site, true);
  auto found = open_dataset(opened, site);
  auto const data = data_file_of(found, site.file);
  if (!data.path.empty()) {  // a link leads to another file, which this process may have open for writing, too
    flush_open_file({data.path});
    found = DatasetHandle{};
    found = open_dataset(opened, site);
  }
  flush_dataset(found, site);
  auto info = describe(found, site, type);
  check_stored(found, site, nullptr);
  info.data_file = data.path;
  if (!data.known) info.data_offset = 0;
  info.external_directory = external_directory(found);
  return info;
}

void read_part(ArrayInfo const& info, Extents const& offset, Extents const& count, void* out) {
  if (element_count(count) == 0) return;
  auto const element = element_size(info.type);
  auto* const to = static_cast<char*>(out);
  if (info.file.empty()) return copy_block(info.inline_data.data(), info.extents, offset, count, element, to);
  Span const span{"read", element_count(count) * element};
  if (info.data_offset == 0) return read_by_hdf5(info, offset, count, out);
  if (is_whole_rows(info, count)) return read_rows(info, offset[0], count[0], to);
  auto const rows = map_rows(info, offset[0], count[0], false);
  auto from_there = offset;
  from_there[0] = 0;
  copy_block(static_cast<char const*>(rows.rows.get()), info.extents, from_there, count, element, to);
}

bool append_part(ArrayInfo const& info, Extents const& offset, Extents const& count,
                 std::function<void(void const*, std::uint64_t)> const& append) {
  if (!info.staged || info.data_offset == 0 || !is_whole_rows(info, count) || element_count(count) == 0) return false;
  auto const row_bytes = row_bytes_of(info);
  for_each_stripe(info, offset[0], count[0], [&](std::uint64_t row, std::uint64_t rows) {
    append(map_rows(info, row, rows, false).rows.get(), rows * row_bytes);
  });
  return true;
}

Block find_rows(std::shared_ptr<KeptArray const> const& array, std::uint64_t first, std::uint64_t count) {
  auto const& info = array->info;
  Extents offset(info.extents.size());
  auto part = info.extents;
  if (!part.empty()) {
    offset[0] = first;
    part[0] = count;
  }
  check_part(info, offset, part);
  if (element_count(part) == 0) return {array, nullptr, false};
  if (info.file.empty()) return {array, info.inline_data.data() + first * row_bytes_of(info), false};
  if (info.data_offset != 0) {
    auto [rows, mapped] = map_rows(info, first, count, false);
    auto const* const data = rows.get();
    return {std::move(rows), data, mapped};
  }
  auto memory = allocate(count * row_bytes_of(info));
  read_part(info, offset, part, memory.get());
  auto const* const data = memory.get();
  return {std::move(memory), data, false};
}

std::shared_ptr<void> copy_elements(ArrayInfo const& info) {
  check_valid(info);
  auto const bytes = element_count(info.extents) * element_size(info.type);
  if (info.data_offset != 0 && bytes != 0) return map_rows(info, 0, info.extents[0], true).rows;
  auto memory = allocate(std::max<std::uint64_t>(bytes, 1));
  read_part(info, Extents(info.extents.size()), info.extents, memory.get());
  return memory;
}

}  // namespace farm::detail
