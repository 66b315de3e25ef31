#include "io/datasets/virtual_sources.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/datasets/dataset.hpp"

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

/// Which elements of the virtual dataset come from which source.
struct Mapping {
  std::string file{};     ///< "." for the file of the virtual dataset; may contain "%b", the number of a block
  std::string dataset{};  ///< as above
  SpaceHandle target{};   ///< the elements of the virtual dataset
  SpaceHandle source{};   ///< the elements of the source
};

template <class Get>
std::string text_of(Get get) {
  auto const size = get(nullptr, 0);
  std::string text(static_cast<std::size_t>(std::max<ssize_t>(size, 0)) + 1, '\0');
  get(text.data(), text.size());
  text.pop_back();
  return text;
}

Mapping mapping_of(hid_t creation, std::size_t index) {
  Mapping mapping;
  mapping.file = text_of([&](char* to, std::size_t n) { return H5Pget_virtual_filename(creation, index, to, n); });
  mapping.dataset = text_of([&](char* to, std::size_t n) { return H5Pget_virtual_dsetname(creation, index, to, n); });
  mapping.target = SpaceHandle{H5Pget_virtual_vspace(creation, index)};
  mapping.source = SpaceHandle{H5Pget_virtual_srcspace(creation, index)};
  return mapping;
}

/// Returns the name of a source for one block: "%b" becomes the block's number, "%%" a percent sign.
std::string name_for_block(std::string_view pattern, std::uint64_t block) {
  std::string name;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    bool const escape = pattern[i] == '%' && i + 1 < pattern.size();
    if (escape && pattern[i + 1] == 'b')
      name += fmt::format("{}", block), ++i;
    else if (escape && pattern[i + 1] == '%')
      name += '%', ++i;
    else
      name += pattern[i];
  }
  return name;
}

bool names_blocks(Mapping const& mapping) {
  return name_for_block(mapping.file, 0) != name_for_block(mapping.file, 1) ||
         name_for_block(mapping.dataset, 0) != name_for_block(mapping.dataset, 1);
}

/// A hyperslab without end along one axis.
struct Endless {
  std::size_t axis = 0;
  std::uint64_t start = 0;
  std::uint64_t stride = 1;
  std::uint64_t block = 1;   ///< H5S_UNLIMITED: one block without end
  std::uint64_t across = 1;  ///< number of selected elements for one index

  /// Returns how many of the selected indices along the axis are less than `extent`.
  [[nodiscard]] std::uint64_t indices_below(std::uint64_t extent) const {
    if (extent <= start) return 0;
    auto const length = extent - start;
    if (block == H5S_UNLIMITED) return length;
    return length / stride * block + std::min(block, length % stride);
  }
};

std::optional<Endless> endless_of(hid_t space) {
  if (H5Sget_select_type(space) != H5S_SEL_HYPERSLABS) return std::nullopt;
  std::array<hsize_t, H5S_MAX_RANK> start{};
  std::array<hsize_t, H5S_MAX_RANK> stride{};
  std::array<hsize_t, H5S_MAX_RANK> count{};
  std::array<hsize_t, H5S_MAX_RANK> block{};
  if (H5Sget_regular_hyperslab(space, start.data(), stride.data(), count.data(), block.data()) < 0) return std::nullopt;
  auto const axes = static_cast<std::size_t>(std::max(H5Sget_simple_extent_ndims(space), 0));
  std::optional<Endless> found;
  std::uint64_t across = 1;
  for (std::size_t i = 0; i < axes; ++i) {
    if (count[i] == H5S_UNLIMITED || block[i] == H5S_UNLIMITED)
      found = Endless{i, start[i], std::max<hsize_t>(stride[i], 1), block[i]};
    else
      across *= count[i] * block[i];
  }
  if (found) found->across = across;
  return found;
}

struct Bounds {
  std::array<hsize_t, H5S_MAX_RANK> low{};
  std::array<hsize_t, H5S_MAX_RANK> high{};  ///< the last index
};

/// Returns the smallest box around the selected elements; nothing if it is not known.
std::optional<Bounds> bounds_of(hid_t space) {
  Bounds bounds;
  if (H5Sget_simple_extent_ndims(space) < 1 || H5Sget_select_bounds(space, bounds.low.data(), bounds.high.data()) < 0)
    return std::nullopt;
  return bounds;
}

/// Returns true if elements of the mapping may lie in the part.
bool may_touch(hid_t target, Piece const* part) {
  if (part == nullptr) return true;
  auto const bounds = bounds_of(target);
  if (!bounds) return true;
  auto const endless = endless_of(target);
  for (std::size_t i = 0; i < part->offset.size(); ++i) {
    auto const end = part->offset[i] + part->count[i];
    bool const open_end = endless && endless->axis == i;
    if (bounds->low[i] >= end || (!open_end && bounds->high[i] < part->offset[i])) return false;
  }
  return true;
}

bool is_block_in(Endless const& endless, std::uint64_t block, Piece const* part) {
  if (part == nullptr) return true;
  auto const begin = endless.start + block * endless.stride;
  return begin < part->offset[endless.axis] + part->count[endless.axis] &&
         begin + endless.block > part->offset[endless.axis];
}

std::string variable(char const* name) {
  auto const* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::string{} : value;
}

/// Returns the paths where HDF5 seeks a source's file, in its order.
std::vector<std::string> candidates_for(hid_t dataset, std::string const& name) {
  auto const main = text_of([&](char* to, std::size_t n) { return H5Fget_name(dataset, to, n); });
  PropertiesHandle const access{H5Dget_access_plist(dataset)};
  std::string prefix(PATH_MAX + 1, '\0');
  H5Pget_virtual_prefix(access, prefix.data(), prefix.size() - 1);
  prefix.resize(prefix.find('\0'));
  std::vector<std::string> paths;
  auto sought = name;
  if (name.starts_with('/')) {
    paths.push_back(name);
    sought = name.substr(name.rfind('/') + 1);
  }
  auto const add = [&](std::string const& directory) {
    if (!directory.empty()) paths.push_back((fs::path{directory} / sought).string());
  };
  auto const list = variable("HDF5_VDS_PREFIX");
  for (std::size_t begin = 0; begin < list.size();) {
    auto const end = std::min(list.find(':', begin), list.size());
    add(list.substr(begin, end - begin));
    begin = end + 1;
  }
  add(prefix);
  std::error_code error;
  add(fs::absolute(main, error).parent_path().string());
  paths.push_back(sought);
  add(fs::canonical(main, error).parent_path().string());
  return paths;
}

/// The sources of one virtual dataset. Keeps the last file open, since mappings often name the same file.
class Sources {
 public:
  Sources(hid_t dataset, ErrorSite const& site, CheckSource const& check)
      : dataset_(dataset), site_(site), check_(check) {}

  /// Throws unless the source exists and has the elements that the mapping takes from it.
  void require(Mapping const& mapping, std::uint64_t block, std::uint64_t points, std::uint64_t indices) {
    auto const file_name = name_for_block(mapping.file, block);
    auto const dataset_name = name_for_block(mapping.dataset, block);
    DatasetHandle source;
    ErrorSite source_site;
    try {
      source_site = {open(file_name), dataset_name};
      source = open_dataset(file_, source_site);
    } catch (StageError const& error) {
      throw stage_error(site_, fmt::format("its virtual source, dataset '{}' of the file {}, cannot be opened: {}",
                                           dataset_name, file_name, error.what()));
    }
    auto const extents = extents_of(source, source_site);
    if (!has_elements(extents, mapping.source, points, indices)) {
      throw stage_error(site_,
                        fmt::format("its virtual source, dataset '{}' of the file {}, has other extents than the "
                                    "mapping needs: its extents are {}",
                                    dataset_name, file_name, fmt::join(extents, " x ")));
    }
    check_(source, source_site);
  }

  [[nodiscard]] bool exists(Mapping const& mapping, std::uint64_t block) try {
    ErrorSite const source{open(name_for_block(mapping.file, block)), name_for_block(mapping.dataset, block)};
    static_cast<void>(open_dataset(file_, source));
    return true;
  } catch (StageError const&) {
    return false;
  }

 private:
  /// Opens the source's file as `file_` and returns its path.
  std::string open(std::string const& name) {
    if (file_ >= 0 && name == name_) return path_;
    name_.clear();
    if (name == ".") {
      file_ = FileHandle{H5Iget_file_id(dataset_)};
      path_ = site_.file;
    } else {
      open_first(candidates_for(dataset_, name));
    }
    name_ = name;
    return path_;
  }

  /// Opens the first of the files that HDF5 can open, as HDF5 does.
  void open_first(std::vector<std::string> const& paths) {
    std::string why;
    for (auto const& path : paths) {
      struct stat status {};
      if (stat(path.c_str(), &status) != 0 && !why.empty()) continue;
      try {
        file_ = open_file({path}, true);
        path_ = path;
        return;
      } catch (StageError const& error) {
        why = error.what();
      }
    }
    throw StageError(why);
  }

  static bool has_elements(Extents const& extents, hid_t selection, std::uint64_t points, std::uint64_t indices) {
    auto const type = H5Sget_select_type(selection);
    if (type == H5S_SEL_ALL) return element_count(extents) == points;
    if (type == H5S_SEL_NONE) return true;
    if (H5Sget_simple_extent_ndims(selection) != static_cast<int>(extents.size())) return false;
    auto const endless = endless_of(selection);
    if (endless) return endless->indices_below(extents[endless->axis]) >= indices;
    auto const bounds = bounds_of(selection);
    for (std::size_t i = 0; bounds && i < extents.size(); ++i)
      if (bounds->high[i] >= extents[i]) return false;
    return true;
  }

  hid_t dataset_;
  ErrorSite const& site_;
  CheckSource const& check_;
  FileHandle file_{};
  std::string name_{};
  std::string path_{};
};

/// Checks a mapping that has a source of its own for each block along an axis without end. HDF5 ends the dataset at the
/// first source that is missing, so a later source betrays that one is missing.
void check_blocks(Sources& sources, Mapping const& mapping, Endless const& target, std::uint64_t extent,
                  Piece const* part) {
  auto const blocks = (target.indices_below(extent) + target.block - 1) / target.block;
  for (std::uint64_t block = 0; block < blocks; ++block)
    if (is_block_in(target, block, part)) sources.require(mapping, block, target.block * target.across, 0);
  bool const incomplete = part == nullptr && (blocks == 0 || sources.exists(mapping, blocks + 1));
  if (incomplete && !sources.exists(mapping, blocks)) sources.require(mapping, blocks, target.block * target.across, 0);
}

}  // namespace

void check_virtual_sources(hid_t dataset, ErrorSite const& site, Piece const* part, CheckSource const& check) {
  PropertiesHandle const creation{H5Dget_create_plist(dataset)};
  std::size_t count = 0;
  H5Pget_virtual_count(creation, &count);
  auto const extents = extents_of(dataset, site);
  Sources sources{dataset, site, check};
  for (std::size_t i = 0; i < count; ++i) {
    auto const mapping = mapping_of(creation, i);
    if (!may_touch(mapping.target, part)) continue;
    auto const endless = endless_of(mapping.target);
    if (endless && names_blocks(mapping)) {
      check_blocks(sources, mapping, *endless, extents.at(endless->axis), part);
    } else if (endless) {
      sources.require(mapping, 0, 0, endless->indices_below(extents.at(endless->axis)));
    } else {
      auto const points = std::max<hssize_t>(H5Sget_select_npoints(mapping.target), 0);
      sources.require(mapping, 0, static_cast<std::uint64_t>(points), 0);
    }
  }
}

}  // namespace farm::detail
