#pragma once

#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <cstdint>
#include <string>

namespace farm::detail {

/// Everything that a process needs to find an array. Its packed form travels in place of the array.
struct ArrayInfo {
  std::string file{};     ///< absolute path; empty: inline_data holds the elements
  std::string dataset{};  ///< name within the file, such as "/data"
  ElementType type = ElementType::uint8;
  Extents extents{};                   ///< empty: no array at all
  std::uint64_t data_offset = 0;       ///< file offset of the elements; 0: the file does not hold them as memory does
  bool staged = false;                 ///< the farm made the file and removes it with the last handle
  std::uint64_t checksums_offset = 0;  ///< file offset of a staged file's checksums
  std::uint64_t stripes = 0;           ///< number of those checksums
  std::string inline_data{};           ///< the elements, as in memory
  std::string data_file{};             ///< absolute path of the file that data_offset refers to; empty: `file`
  std::string external_directory{};    ///< to which relative names of files of external storage refer; empty: none

  template <class Archive>
  void serialize(Archive& archive) {
    archive(file, dataset, type, extents, data_offset, staged, checksums_offset, stripes, inline_data, data_file,
            external_directory);
  }
};

/// Throws SerializationError unless `info` may describe an array of this type or an empty handle.
void check_info(ArrayInfo const& info, ElementType type);

/// Throws UsageError if `info` belongs to an empty handle.
void check_valid(ArrayInfo const& info);

/// Throws UsageError if the handle is empty or the block reaches beyond the array.
void check_part(ArrayInfo const& info, Extents const& offset, Extents const& count);

}  // namespace farm::detail
