#pragma once

#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace farm::detail {

/// All that a process needs to find an array. Packed, it is what travels instead of the array.
struct ArrayInfo {
  std::string file{};     ///< absolute; empty: the elements are in inline_data
  std::string dataset{};  ///< of the file: "/data"
  ElementType type = ElementType::uint8;
  Extents extents{};                   ///< none: this is no array at all
  std::uint64_t data_offset = 0;       ///< of the elements in the file, where they lie there as in memory; else 0
  bool staged = false;                 ///< made by the farm, and removed when the last handle goes
  std::uint64_t checksums_offset = 0;  ///< of a staged file's checksums
  std::uint64_t stripes = 0;           ///< how many those are
  std::string inline_data{};           ///< the elements, as in memory

  template <class Archive>
  void serialize(Archive& archive) {
    archive(file, dataset, type, extents, data_offset, staged, checksums_offset, stripes, inline_data);
  }
};

/// An array, and what keeps its file there: nothing but for staged files, in the process that owns the stage.
struct KeptArray {
  ArrayInfo info{};
  std::shared_ptr<void> keeper{};
};

/// Elements in memory or mapped from a file, for as long as the owner lives.
struct Block {
  std::shared_ptr<void const> owner{};
  void const* data = nullptr;
  bool mapped = false;
};

/// The info of an existing dataset. Throws StageError where it is not there, not readable, or not of this type.
[[nodiscard]] ArrayInfo open_array(std::string const& file, std::string const& dataset, ElementType type);

/// Memory that is about to be touched for the first time: where it is large, in few large pages rather than many small
/// ones, whose faults take longer than the copying.
void use_large_pages(void* memory, std::size_t bytes) noexcept;

/// Throws UsageError for a handle of nothing.
void check_valid(ArrayInfo const& info);

/// Throws UsageError where the part is not within the array.
void check_part(ArrayInfo const& info, Extents const& offset, Extents const& count);

/// Copies a part of the array to `out`. The part must be within the array.
void read_part(ArrayInfo const& info, Extents const& offset, Extents const& count, void* out);

/// The same, but calls `append(elements, bytes)` for one after the other of parts that follow each other, mapped, where
/// the part of the array is whole rows of a staged file. False where it is not: then nothing was done.
[[nodiscard]] bool append_part(ArrayInfo const& info, Extents const& offset, Extents const& count,
                               std::function<void(void const*, std::uint64_t)> const& append);

/// All elements, the caller's to change; where they are mapped, pages are copied when they are written.
[[nodiscard]] std::shared_ptr<void> copy_elements(ArrayInfo const& info);

/// Whole rows, mapped where that is possible. `array` lives on in the block.
[[nodiscard]] Block find_rows(std::shared_ptr<KeptArray const> const& array, std::uint64_t first, std::uint64_t count);

/// Copies the array to a dataset of another file.
void save_array(ArrayInfo const& info, std::string const& file, std::string const& dataset);

/// What keeps the array's file, in this process; empty where nothing does.
[[nodiscard]] std::shared_ptr<void> find_keeper(ArrayInfo const& info);

/// Throws SerializationError unless this may be the info of an array of that type, or of none.
void check_info(ArrayInfo const& info, ElementType type);

}  // namespace farm::detail
