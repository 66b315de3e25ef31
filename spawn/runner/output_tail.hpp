#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace farm::detail {

/// Keeps the last bytes of an output, and counts all.
class OutputTail {
 public:
  explicit OutputTail(std::size_t most) : most_(most) {}

  void add(std::string_view bytes) {
    count_ += bytes.size();
    if (bytes.size() > most_) bytes.remove_prefix(bytes.size() - most_);
    kept_ += bytes;
    if (kept_.size() > 2 * most_) kept_.erase(0, kept_.size() - most_);  // not for each byte
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Returns the last bytes, at most as many as asked for.
  [[nodiscard]] std::string text() const { return kept_.size() > most_ ? kept_.substr(kept_.size() - most_) : kept_; }

 private:
  std::size_t most_;
  std::uint64_t count_ = 0;
  std::string kept_;
};

/// Returns the last lines of a text in one line, as an error message quotes them: without blank lines and rules, and
/// without bytes that a terminal must not get. What stands between two long rules is a message of mpiexec, and is left
/// out if there is anything else. Empty if there are no lines.
[[nodiscard]] std::string last_lines(std::string_view text);

}  // namespace farm::detail
