#pragma once

#include <farm/array.hpp>
#include <farm/serialize.hpp>
#include <farm/view.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Calls and answers that are too large for a frame. Their bytes lie in a staged array, and the frame carries its
/// handle.
namespace farm::detail {

/// Returns true if a payload of `head_size` bytes and `content` does not fit in a frame.
[[nodiscard]] bool is_too_large(std::size_t head_size, std::string_view content) noexcept;

/// Writes the content to a file of the stage. Throws StageError, and UsageError if no stage directory is known.
[[nodiscard]] Array<std::uint8_t> stage_message(std::string_view content);

/// The content of a staged message, mapped or read.
class StagedMessage {
 public:
  /// `handle` is a packed handle. Throws StageError if the file cannot be read.
  explicit StagedMessage(std::string_view handle);

  /// Returns the content, which lives as long as this object.
  [[nodiscard]] std::string_view content() const;
  [[nodiscard]] Array<std::uint8_t> const& array() const { return array_; }

 private:
  Array<std::uint8_t> array_;
  View<std::uint8_t> view_;
};

}  // namespace farm::detail
