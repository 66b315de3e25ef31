#pragma once

#include <farm/detail/call_notes.hpp>
#include <farm/serialize.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The calls of a chunk, and its results, one by one. A single call is treated as a chunk of one.
namespace farm::detail {

/// A part of a text.
struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] std::string_view of(std::string_view bytes) const { return bytes.substr(begin, end - begin); }
};

/// Returns where the arguments of each call lie in the bytes of a call, or of a chunk.
[[nodiscard]] std::vector<ByteRange> arguments_of(CallNotes const& notes, std::string_view bytes);

/// What a chunk says about one of its calls.
struct CallResult {
  enum class Kind : unsigned char { value, error, hole };
  Kind kind{};
  ByteRange whole{};      ///< with marks and sizes
  ByteRange value{};      ///< for a value: its packed bytes
  HandleNotes handles{};  ///< for a value: its arrays, counted from the beginning of the value
  std::string unfit{};    ///< why the value cannot be kept; empty: it can
};

/// Returns the results in the packed value of a task. Throws SerializationError if it is not known where one ends.
[[nodiscard]] std::vector<CallResult> results_of(CallNotes const& notes, std::string_view value);

/// Returns the packed value of a chunk, or of a single call, with `known[i]` in place of the holes.
[[nodiscard]] Bytes with_holes_filled(CallNotes const& notes, std::string_view value,
                                      std::vector<CallResult> const& results,
                                      std::vector<std::optional<Bytes>> const& known);

/// Returns the packed value of a task all of whose results are known.
[[nodiscard]] Bytes value_of_known(CallNotes const& notes, std::vector<std::optional<Bytes>> const& known);

}  // namespace farm::detail
