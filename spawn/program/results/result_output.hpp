#pragma once

#include "core/base/descriptor.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace farm::detail {

/// Where the results of `map` go: to the standard output, in the order of the inputs or as they come; or to a file, as
/// they come.
///
/// The file is appended to. Each line has one write() of its own, before the next wait for tasks. So the file is
/// complete up to the last result when this process is killed. The file is written to disk (fdatasync) once a second at
/// most, and at the end: a machine that crashes loses the results of the last second.
class ResultOutput {
 public:
  /// `path` is empty for the standard output. Throws std::system_error if the file cannot be opened.
  ResultOutput(std::string path, bool in_order);

  /// Adds what is printed for an input: a line without its end, or none if nothing is.
  void add(std::size_t index, std::optional<std::string> text);
  /// Returns true if flush() would print lines on the standard output.
  [[nodiscard]] bool has_lines() const { return !file_ && !lines_.empty(); }
  /// Shows all lines that can be shown now. Call it before waiting. Throws std::system_error.
  void flush();
  /// Shows all lines, also those that wait for the lines of earlier inputs, and writes the file to disk.
  void finish();
  /// Returns when flush() has to be called again; time_point::max() if not.
  [[nodiscard]] std::chrono::steady_clock::time_point next_sync() const;

 private:
  void write_file();
  void sync();

  std::string path_;
  bool in_order_;
  Descriptor file_;
  bool can_sync_ = true;
  std::string lines_;                        ///< to be written
  std::map<std::size_t, std::string> held_;  ///< wait for the lines of earlier inputs
  std::size_t next_ = 0;                     ///< the input whose line comes next
  bool is_synced_ = true;
  std::chrono::steady_clock::time_point synced_{};
};

}  // namespace farm::detail
