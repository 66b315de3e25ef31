#pragma once

#include <farm/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace farm::detail {

/// What a rank prints while there is no stream to the master, as frames.
class KeptOutput {
 public:
  /// `all`: keep everything; else only the latest MiB or two.
  void add(std::uint64_t stream, std::string_view text, bool all);
  /// So many bytes were lost before they came here.
  void count_lost(std::size_t bytes) noexcept { lost_ += bytes; }
  /// Returns the frames, with a line that tells how much is missing, and forgets them.
  [[nodiscard]] Bytes take();
  [[nodiscard]] std::string_view frames() const noexcept { return frames_; }

 private:
  Bytes frames_;
  std::size_t lost_ = 0;
};

}  // namespace farm::detail
