#include "io/story.hpp"

#include <algorithm>

namespace farm::detail {
namespace {

constexpr std::size_t longest = 16'000;  // a dataset's header holds 64 KiB per attribute

void write_attribute(hid_t dataset, Place const& place, std::string const& name, hid_t type, hid_t space,
                     void const* value) {
  AttributeHandle const attribute{check_hdf5(H5Acreate2(dataset, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                                             place, "cannot have the attribute '" + name + "'")};
  check_hdf5(H5Awrite(attribute, type, value), place, "cannot have the attribute '" + name + "'");
}

void write_text(hid_t dataset, Place const& place, std::string const& name, std::string value) {
  value.resize(std::clamp<std::size_t>(value.size(), 1, longest));  // HDF5 has no strings without bytes
  TypeHandle const type{H5Tcopy(H5T_C_S1)};
  H5Tset_size(type, value.size());
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  SpaceHandle const space{H5Screate(H5S_SCALAR)};
  write_attribute(dataset, place, name, type, space, value.data());
}

}  // namespace

void write_story(hid_t dataset, Place const& place, Extents const& extents, int ranks,
                 std::vector<std::pair<std::string, std::string>> const& more) {
  write_text(dataset, place, "writer", "farm");
  write_text(dataset, place, "version", FARM_VERSION);
  write_attribute(dataset, place, "extents", H5T_NATIVE_UINT64, make_space({extents.size()}), extents.data());
  SpaceHandle const scalar{H5Screate(H5S_SCALAR)};
  write_attribute(dataset, place, "ranks", H5T_NATIVE_INT, scalar, &ranks);
  for (auto const& [name, value] : more) write_text(dataset, place, name, value);
}

}  // namespace farm::detail
