#pragma once

#include "io/files/hash.hpp"

#include <farm/serialize.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// The file of one result in a cache. README.md describes its format.
namespace farm::detail {

/// Says that an entry cannot be used, and why.
class DamagedEntry : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An array that a value of an entry refers to.
struct EntryArray {
  std::uint32_t value = 0;  ///< in which value its handle is
  std::uint64_t begin = 0;  ///< where the handle begins in that value
  std::uint64_t end = 0;    ///< and ends
  std::string file{};       ///< beside the entry; empty: the array lies in a file that the farm did not make
  std::uint64_t file_bytes = 0;
  WideHash hash{};  ///< of the whole file, or of the elements if the file is not the cache's

  template <class Archive>
  void serialize(Archive& archive) {
    archive(value, begin, end, file, file_bytes, hash);
  }
};

/// What an entry tells about its values.
struct EntryHeader {
  std::string key{};       ///< in hexadecimal, as in the name of the file
  std::string function{};  ///< its name, for people
  std::string version{};   ///< its version, or the build, for people
  std::int32_t ranks = 1;
  bool all_ranks = false;            ///< there is a value for each rank
  std::int64_t made = 0;             ///< seconds since 1970
  double seconds = 0;                ///< how long the task has run
  std::uint64_t argument_bytes = 0;  ///< how many bytes the packed arguments had
  std::vector<std::uint64_t> value_sizes{};
  WideHash values_hash{};  ///< of all values, one after the other
  std::vector<EntryArray> arrays{};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(key, function, version, ranks, all_ranks, made, seconds, argument_bytes, value_sizes, values_hash, arrays);
  }
};

/// A result with what is told about it.
struct ResultEntry {
  EntryHeader header{};
  std::vector<Bytes> values{};
};

/// The format of entries. It is part of each key, so that versions of the farm with other formats do not meet.
inline constexpr std::uint32_t entry_format = 1;

/// Returns the bytes of the file. Sets the sizes and the hash of the values in the header.
[[nodiscard]] Bytes encode(ResultEntry& entry);

/// Returns the entry in the bytes of a file. Throws DamagedEntry if a single bit is not as it was written.
[[nodiscard]] ResultEntry decode_entry(std::string_view file);

/// Returns how many bytes of a file that begins like this its header takes. Throws DamagedEntry.
[[nodiscard]] std::uint64_t header_end(std::string_view begin);
/// Returns the header; `begin` has header_end() bytes at least. Throws DamagedEntry, also if the length is wrong.
[[nodiscard]] EntryHeader read_header(std::string_view begin, std::uint64_t file_bytes);

}  // namespace farm::detail
