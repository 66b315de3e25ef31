#pragma once

#include "spawn/program/input/input_source.hpp"

#include <filesystem>
#include <string>

namespace farm::detail {

/// Returns each line of the text behind the tag and a tab. The last line need not have an end.
[[nodiscard]] std::string with_tags(std::string const& tag, std::string const& text);

/// What the ranks of a task have printed, for `map --tag`. Ranks write it to files of WorkerOptions::output_directory.
class TaggedOutput {
 public:
  /// Removes the files that it has read if `removes`.
  TaggedOutput(std::filesystem::path directory, int ranks, bool removes);
  /// Returns what all attempts of a task that has ended have printed, each line behind the input, and the rank if a
  /// task has several.
  [[nodiscard]] std::string take(Input const& input, RunInfo const& run) const;

 private:
  std::filesystem::path directory_;
  int ranks_;
  bool removes_;
};

}  // namespace farm::detail
