#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace farm::detail {

/// The bytes that have arrived and are not consumed yet. As with Asio's dynamic buffers, a reader prepares room, writes
/// into it, commits what it has written, and consumes what it has used.
class InputBuffer {
 public:
  /// Returns room for at least `size` more bytes; valid until the next call.
  char* prepare(std::size_t size);
  void commit(std::size_t size) { end_ += size; }
  [[nodiscard]] std::string_view content() const { return {data_.data() + begin_, end_ - begin_}; }
  /// Drops the first `size` bytes of content(). Frees the memory of a large frame.
  void consume(std::size_t size);
  /// Returns how many bytes prepare() has moved in memory, in total.
  [[nodiscard]] std::size_t moved() const { return moved_; }

 private:
  std::vector<char> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t moved_ = 0;
};

}  // namespace farm::detail
