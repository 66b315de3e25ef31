#include "io/hdf5/attributes.hpp"

#include <algorithm>
#include <vector>

namespace farm::detail {
namespace {

constexpr std::size_t longest = 16'000;  // an object header limits an attribute to 64 KiB

void write_attribute(hid_t dataset, ErrorSite const& site, std::string const& name, hid_t type, hid_t space,
                     void const* value) {
  if (H5Aexists(dataset, name.c_str()) > 0) return;
  auto const error = "the attribute '" + name + "' cannot be written";
  AttributeHandle const attribute{
      check_hdf5(H5Acreate2(dataset, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), site, error)};
  check_hdf5(H5Awrite(attribute, type, value), site, error);
}

void write_text(hid_t dataset, ErrorSite const& site, std::string const& name, std::string value) {
  value.resize(std::clamp<std::size_t>(value.size(), 1, longest));  // HDF5 has no empty strings
  TypeHandle const type{H5Tcopy(H5T_C_S1)};
  H5Tset_size(type, value.size());
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  SpaceHandle const space{H5Screate(H5S_SCALAR)};
  write_attribute(dataset, site, name, type, space, value.data());
}

}  // namespace

void write_attributes(hid_t dataset, ErrorSite const& site, Extents const& extents, int ranks,
                      std::vector<std::pair<std::string, std::string>> const& more) {
  write_text(dataset, site, "writer", "farm");
  write_text(dataset, site, "version", FARM_VERSION);
  write_attribute(dataset, site, "extents", H5T_NATIVE_UINT64, make_space({extents.size()}), extents.data());
  SpaceHandle const scalar{H5Screate(H5S_SCALAR)};
  write_attribute(dataset, site, "ranks", H5T_NATIVE_INT, scalar, &ranks);
  for (auto const& [name, value] : more) write_text(dataset, site, name, value);
}

namespace {

herr_t copy_attribute(hid_t from, char const* name, H5A_info_t const* /*info*/, void* to_dataset) {
  auto const to = *static_cast<hid_t const*>(to_dataset);
  if (H5Aexists(to, name) != 0) return 0;
  AttributeHandle const attribute{H5Aopen(from, name, H5P_DEFAULT)};
  TypeHandle const type{H5Aget_type(attribute)};
  SpaceHandle const space{H5Aget_space(attribute)};
  // references and sequences of variable length point into the file that they come from
  bool const is_text = H5Tis_variable_str(type) > 0;
  if (!is_text && (H5Tdetect_class(type, H5T_REFERENCE) != 0 || H5Tdetect_class(type, H5T_VLEN) != 0)) return 0;
  auto const count = H5Sget_simple_extent_npoints(space);
  std::vector<char> value(count < 0 ? 0 : static_cast<std::size_t>(count) * H5Tget_size(type));
  if (value.empty() || H5Aread(attribute, type, value.data()) < 0) return 0;
  AttributeHandle const made{H5Acreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT)};
  if (made >= 0) H5Awrite(made, type, value.data());
  if (is_text) H5Dvlen_reclaim(type, space, H5P_DEFAULT, value.data());
  return 0;
}

}  // namespace

void copy_attributes(hid_t from, hid_t to) {
  H5Aiterate2(from, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, copy_attribute, &to);
}

}  // namespace farm::detail
