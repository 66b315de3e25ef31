#include "io/datasets/saved_values.hpp"

#include <fmt/format.h>

#include <numeric>
#include <vector>

namespace farm::detail {
namespace {

constexpr std::uint64_t per_object = std::uint64_t{16} << 10U;  // headers and heaps, which begin at pages
constexpr std::uint64_t per_text = 32;                          // a text's reference, its head and padding

/// h5py's type of bools.
TypeHandle boolean_type() {
  TypeHandle type{H5Tenum_create(H5T_NATIVE_INT8)};
  std::int8_t const no = 0;
  std::int8_t const yes = 1;
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}

TypeHandle text_type() {
  TypeHandle type{H5Tcopy(H5T_C_S1)};
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

TypeHandle type_of(SavedValues const& values) {
  if (values.kind() == SavedValues::Kind::text) return text_type();
  return values.kind() == SavedValues::Kind::boolean ? boolean_type() : native_type(values.type());
}

SpaceHandle space_of(SavedValues const& values) {
  return values.is_scalar() ? SpaceHandle{H5Screate(H5S_SCALAR)} : make_space({values.size()});
}

/// Calls `write` with the values as HDF5 expects them in memory, and returns the result.
template <class Write>
herr_t with_memory(SavedValues const& values, Write write) {
  if (values.kind() != SavedValues::Kind::text) return write(values.elements().data());
  std::vector<char const*> texts;
  texts.reserve(values.texts().size());
  for (auto const& text : values.texts()) texts.push_back(text.c_str());
  return write(texts.data());
}

bool has_texts(hid_t dataset, ErrorSite const& site, SavedValues const& values) {
  auto const type = text_type();
  SpaceHandle const space{H5Dget_space(dataset)};
  std::vector<char*> texts(values.size());
  check_hdf5(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()), site, "cannot be read");
  bool same = true;
  for (std::size_t i = 0; i < texts.size(); ++i)
    same = same && (texts[i] == nullptr ? "" : texts[i]) == values.texts()[i];
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts.data());
  return same;
}

}  // namespace

std::uint64_t saved_bytes(SavedValues const& values) {
  auto const& texts = values.texts();
  return std::accumulate(texts.begin(), texts.end(), per_object + values.elements().size(),
                         [](std::uint64_t sum, std::string const& text) { return sum + text.size() + per_text; });
}

void write_attribute(hid_t object, ErrorSite const& site, std::string const& name, SavedValues const& values) {
  auto const error = fmt::format("the attribute '{}' cannot be written", name);
  auto const type = type_of(values);
  auto const space = space_of(values);
  AttributeHandle const attribute{
      check_hdf5(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), site, error)};
  if (values.size() == 0) return;
  check_hdf5(with_memory(values, [&](void const* memory) { return H5Awrite(attribute, type, memory); }), site, error);
}

DatasetHandle write_values(hid_t file, ErrorSite const& site, SavedValues const& values) {
  PropertiesHandle const links{H5Pcreate(H5P_LINK_CREATE)};
  H5Pset_create_intermediate_group(links, 1);
  auto const type = type_of(values);
  auto const space = space_of(values);
  DatasetHandle dataset{check_hdf5(H5Dcreate2(file, site.dataset.c_str(), type, space, links, H5P_DEFAULT, H5P_DEFAULT),
                                   site, "cannot be created")};
  auto const write = [&](void const* memory) { return H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, memory); };
  if (values.size() != 0) check_hdf5(with_memory(values, write), site, "cannot be written");
  return dataset;
}

bool has_values(hid_t dataset, ErrorSite const& site, SavedValues const& values) {
  TypeHandle const type{H5Dget_type(dataset)};
  SpaceHandle const space{H5Dget_space(dataset)};
  if (H5Sget_simple_extent_ndims(space) != 1 || H5Sget_simple_extent_npoints(space) < 0 ||
      static_cast<std::uint64_t>(H5Sget_simple_extent_npoints(space)) != values.size() ||
      H5Tequal(type, type_of(values)) <= 0)
    return false;
  if (values.kind() == SavedValues::Kind::text) return has_texts(dataset, site, values);
  std::string elements(values.elements().size(), '\0');
  if (!elements.empty())
    check_hdf5(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()), site, "cannot be read");
  return elements == values.elements();
}

}  // namespace farm::detail
