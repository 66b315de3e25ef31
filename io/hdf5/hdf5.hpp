#pragma once

#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <hdf5.h>

#include <mutex>
#include <string_view>
#include <utility>

#include "io/hdf5/error_site.hpp"

namespace farm::detail {

/// HDF5 is not thread-safe: every call of it happens under one of these, the closing of handles included. HDF5 prints
/// nothing meanwhile.
class Hdf5Lock {
 public:
  Hdf5Lock();
  ~Hdf5Lock();
  Hdf5Lock(Hdf5Lock const&) = delete;
  Hdf5Lock& operator=(Hdf5Lock const&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;
  H5E_auto2_t print_ = nullptr;
  void* print_data_ = nullptr;
};

/// `text`, and what HDF5 itself says about the call that has just failed.
[[nodiscard]] StageError hdf5_error(ErrorSite const& place, std::string_view text);

/// The result of a call, which is negative where it failed.
template <class Result>
Result check_hdf5(Result result, ErrorSite const& place, std::string_view text) {
  if (result < 0) throw hdf5_error(place, text);
  return result;
}

/// An identifier, closed by the destructor.
template <herr_t (*close)(hid_t)>
class Hdf5Handle {
 public:
  Hdf5Handle() noexcept = default;
  explicit Hdf5Handle(hid_t id) noexcept : id_(id) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Hdf5Handle() {
    if (id_ >= 0) close(id_);
  }
  operator hid_t() const noexcept { return id_; }  // NOLINT(google-explicit-constructor)

  /// Closes now; negative where that fails, upon which the identifier is given up.
  [[nodiscard]] herr_t reset() noexcept {
    auto const id = std::exchange(id_, H5I_INVALID_HID);
    return id < 0 ? 0 : close(id);
  }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

using FileHandle = Hdf5Handle<H5Fclose>;
using DatasetHandle = Hdf5Handle<H5Dclose>;
using SpaceHandle = Hdf5Handle<H5Sclose>;
using TypeHandle = Hdf5Handle<H5Tclose>;
using AttributeHandle = Hdf5Handle<H5Aclose>;
using PropertiesHandle = Hdf5Handle<H5Pclose>;

/// Of an element in memory.
[[nodiscard]] TypeHandle native_type(ElementType type);

[[nodiscard]] SpaceHandle make_space(Extents const& extents);
void select(hid_t space, Extents const& offset, Extents const& count);

/// To access files by this process alone. The complete files of a stage need no locks.
[[nodiscard]] PropertiesHandle file_access(bool lock);

}  // namespace farm::detail
