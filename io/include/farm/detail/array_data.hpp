#pragma once

#include <farm/detail/array_info.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

/// How a process reads the elements of an array. All functions verify checksums and throw StageError.
namespace farm::detail {

/// An array together with the keeper of its file. Only staged files have keepers, and only in the process whose
/// StageRun owns the file.
struct KeptArray {
  ArrayInfo info{};
  std::shared_ptr<void> keeper{};
};

/// Elements in memory or mapped from a file. They stay valid while the owner lives.
struct Block {
  std::shared_ptr<void const> owner{};
  void const* data = nullptr;
  bool mapped = false;
};

/// Adds the keeper of the file if this process owns the file.
[[nodiscard]] std::shared_ptr<KeptArray const> keep_array(ArrayInfo info);

/// Returns the info of an existing dataset. Throws StageError if the dataset does not exist, cannot be read, or has
/// another type.
[[nodiscard]] ArrayInfo open_array(std::string const& file, std::string const& dataset, ElementType type);

/// Copies a block of the array to `out`. The block must lie within the array.
void read_part(ArrayInfo const& info, Extents const& offset, Extents const& count, void* out);

/// Reads a block without a buffer: maps it piece by piece, in order, and calls `append(elements, bytes)` for each
/// piece. Works for whole rows of a staged file only. Otherwise returns false and does nothing.
[[nodiscard]] bool append_part(ArrayInfo const& info, Extents const& offset, Extents const& count,
                               std::function<void(void const*, std::uint64_t)> const& append);

/// Returns all elements in memory that the caller may change. If the elements are mapped, a page is copied when it is
/// first written.
[[nodiscard]] std::shared_ptr<void> copy_elements(ArrayInfo const& info);

/// Returns whole rows, mapped if possible. Throws UsageError if the array has no such rows.
[[nodiscard]] Block find_rows(std::shared_ptr<KeptArray const> const& array, std::uint64_t first, std::uint64_t count);

}  // namespace farm::detail
