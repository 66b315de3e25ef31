#include "io/datasets/filters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace farm::detail {
namespace {

struct Filter {
  H5Z_filter_t id = 0;
  bool optional = false;  ///< a writer without the filter stores its chunks as they are
  std::string name{};
};

Filter filter_of(hid_t creation, unsigned index) {
  Filter filter;
  unsigned flags = 0;
  unsigned config = 0;
  std::size_t values = 0;
  std::array<char, 256> name{};
  filter.id = H5Pget_filter2(creation, index, &flags, &values, nullptr, name.size() - 1, name.data(), &config);
  filter.optional = (flags & H5Z_FLAG_OPTIONAL) != 0;
  filter.name = name.data();
  return filter;
}

bool can_decode(H5Z_filter_t id) {
  unsigned config = 0;
  return H5Zfilter_avail(id) > 0 &&
         (H5Zget_filter_info(id, &config) < 0 || (config & H5Z_FILTER_CONFIG_DECODE_ENABLED) != 0);
}

/// Advances `chunk` to the origin of the next chunk. Returns false after the last one.
bool advance(std::vector<hsize_t>& chunk, std::vector<hsize_t> const& step, std::vector<hsize_t> const& extents) {
  for (auto axis = chunk.size(); axis-- > 0;) {
    chunk[axis] += step[axis];
    if (chunk[axis] < extents[axis]) return true;
    chunk[axis] = 0;
  }
  return false;
}

/// Returns true if a chunk on disk has gone through the filter with this index.
bool is_used(hid_t dataset, hid_t creation, unsigned index) {
  SpaceHandle const space{H5Dget_space(dataset)};
  auto const axes = static_cast<std::size_t>(std::max(H5Sget_simple_extent_ndims(space), 0));
  std::vector<hsize_t> extents(axes);
  std::vector<hsize_t> step(axes);
  H5Sget_simple_extent_dims(space, extents.data(), nullptr);
  if (axes == 0 || H5Sget_simple_extent_npoints(space) == 0) return false;
  if (H5Pget_chunk(creation, static_cast<int>(axes), step.data()) < 0) return true;
#if H5_VERSION_GE(1, 10, 5)
  std::vector<hsize_t> chunk(axes);
  do {
    unsigned skipped = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t size = 0;
    if (H5Dget_chunk_info_by_coord(dataset, chunk.data(), &skipped, &address, &size) < 0) return true;
    if (address != HADDR_UNDEF && (skipped >> index & 1U) == 0) return true;
  } while (advance(chunk, step, extents));
  return false;
#else
  return true;
#endif
}

}  // namespace

void check_filters(hid_t dataset, ErrorSite const& site) {
  PropertiesHandle const creation{H5Dget_create_plist(dataset)};
  if (H5Pget_layout(creation) != H5D_CHUNKED) return;
  auto const count = H5Pget_nfilters(creation);
  for (unsigned i = 0; static_cast<int>(i) < count; ++i) {
    auto const filter = filter_of(creation, i);
    if (can_decode(filter.id) || (filter.optional && !is_used(dataset, creation, i))) continue;
    throw stage_error(
        site, fmt::format("its elements are stored with the filter {} ('{}'), which HDF5 does not have here; install "
                          "the filter's plugin and name the plugin's directory with HDF5_PLUGIN_PATH",
                          filter.id, filter.name.empty() ? "without a name" : filter.name));
  }
}

}  // namespace farm::detail
