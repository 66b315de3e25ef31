#pragma once

#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <hdf5.h>

#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "io/hdf5/error_site.hpp"

namespace farm::detail {

/// The process-wide lock around HDF5, which is not thread-safe. Every call of HDF5, including the closing of handles,
/// requires one. Also stops HDF5 from printing its errors.
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

/// Returns HDF5's own description of the call that has just failed; empty if there is none.
[[nodiscard]] std::string hdf5_error_text();
/// Returns an error of `text` and HDF5's own description of the call that has just failed.
[[nodiscard]] StageError hdf5_error(ErrorSite const& site, std::string_view text);

/// Returns the result of an HDF5 call. Throws StageError if it is negative, which means failure.
template <class Result>
Result check_hdf5(Result result, ErrorSite const& site, std::string_view text) {
  if (result < 0) throw hdf5_error(site, text);
  return result;
}

/// An owned HDF5 identifier. The destructor closes it.
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

  /// Closes the identifier now. Returns a negative value on failure; the identifier is given up in any case.
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

/// Returns the HDF5 type of an element in memory.
[[nodiscard]] TypeHandle native_type(ElementType type);

[[nodiscard]] SpaceHandle make_space(Extents const& extents);
/// Selects a block of the dataspace; nothing if the block is empty.
void select(hid_t space, Extents const& offset, Extents const& count);

/// Returns properties for file access by this process alone. `lock`: whether HDF5 locks the file. Complete staged files
/// never change and need no lock.
[[nodiscard]] PropertiesHandle file_access(bool lock);

}  // namespace farm::detail
