#include "io/hdf5/hdf5.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace farm::detail {
namespace {

std::mutex hdf5_mutex;

// Depth 0 is the innermost error, which is the most specific, unless only the next one names the file that it is about.
herr_t take_text(unsigned depth, H5E_error2_t const* error, void* text) {
  std::string_view const description{error->desc};
  bool const names_file = description.find("file name = '") != std::string_view::npos;
  if (depth == 0 || (depth == 1 && names_file)) *static_cast<std::string*>(text) = description;
  return 0;
}

hid_t native_number(ElementType type) {
  using enum ElementType;
  switch (type) {
    case int8:
      return H5T_NATIVE_INT8;
    case int16:
      return H5T_NATIVE_INT16;
    case int32:
      return H5T_NATIVE_INT32;
    case int64:
      return H5T_NATIVE_INT64;
    case uint8:
      return H5T_NATIVE_UINT8;
    case uint16:
      return H5T_NATIVE_UINT16;
    case uint32:
      return H5T_NATIVE_UINT32;
    case uint64:
      return H5T_NATIVE_UINT64;
    case float32:
    case complex64:
      return H5T_NATIVE_FLOAT;
    case float64:
    case complex128:
      return H5T_NATIVE_DOUBLE;
    case long_double:
      return H5T_NATIVE_LDOUBLE;
  }
  return H5I_INVALID_HID;
}

}  // namespace

Hdf5Lock::Hdf5Lock() : lock_(hdf5_mutex) {
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Lock::~Hdf5Lock() { H5Eset_auto2(H5E_DEFAULT, print_, print_data_); }

std::string hdf5_error_text() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_text, &text);
  return text;
}

StageError hdf5_error(ErrorSite const& site, std::string_view text) {
  auto const why = hdf5_error_text();
  return stage_error(site, why.empty() ? std::string{text} : fmt::format("{}: {}", text, why));
}

TypeHandle native_type(ElementType type) {
  if (type != ElementType::complex64 && type != ElementType::complex128)
    return TypeHandle{H5Tcopy(native_number(type))};
  auto const part = native_number(type);
  auto const size = element_size(type);
  TypeHandle compound{H5Tcreate(H5T_COMPOUND, size)};
  H5Tinsert(compound, "r", 0, part);
  H5Tinsert(compound, "i", size / 2, part);
  return compound;
}

SpaceHandle make_space(Extents const& extents) {
  std::vector<hsize_t> const sizes{extents.begin(), extents.end()};
  return SpaceHandle{H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr)};
}

void select(hid_t space, Extents const& offset, Extents const& count) {
  std::vector<hsize_t> const start{offset.begin(), offset.end()};
  std::vector<hsize_t> const size{count.begin(), count.end()};
  if (element_count(count) == 0)
    H5Sselect_none(space);
  else
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr);
}

PropertiesHandle file_access(bool lock) {
  PropertiesHandle access{H5Pcreate(H5P_FILE_ACCESS)};
#if H5_VERSION_GE(1, 10, 7) && !(H5_VERS_MINOR == 12 && H5_VERS_RELEASE == 0)
  if (!lock) H5Pset_file_locking(access, false, true);
#endif
  return access;
}

}  // namespace farm::detail
