#pragma once

#include "core/base/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace farm::detail {

/// Reads lines from a file or the standard input, without blocking if the file is a pipe or a terminal. Removes \r at
/// the ends of lines, and a byte order mark.
class LineReader {
 public:
  enum class State : std::uint8_t {
    line,  ///< a line was read
    wait,  ///< more may come: wait until descriptor() is readable
    end,
  };

  /// `path` may be "-" for the standard input. Throws std::system_error, with the option that names the file, if the
  /// file cannot be opened or is a directory.
  LineReader(std::string const& option, std::string path);

  /// Reads the next line. Throws std::system_error.
  State next(std::string& line);
  /// Returns the number of the last line, from 1.
  [[nodiscard]] std::size_t number() const { return number_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Returns true for a file that can be read twice.
  [[nodiscard]] bool is_regular_file() const { return is_regular_; }
  /// Returns the name for messages.
  [[nodiscard]] std::string name() const { return path_ == "-" ? "standard input" : path_; }

 private:
  [[nodiscard]] bool is_readable() const;
  void read_more();
  void take_line(std::string& line, std::size_t end);

  std::string path_;
  Descriptor file_;  ///< not open for the standard input
  int descriptor_ = -1;
  bool is_regular_ = false;
  bool at_end_ = false;
  std::string buffer_;
  std::size_t begin_ = 0;    ///< of the next line in the buffer
  std::size_t scanned_ = 0;  ///< there is no line break before
  std::size_t number_ = 0;
};

}  // namespace farm::detail
