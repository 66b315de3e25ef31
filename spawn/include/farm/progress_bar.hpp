#pragma once

#include <farm/options.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace farm {

/// Shows the progress of one map on the standard output: `MapOptions{.progress = ProgressBar{"name"}}`. On a terminal
/// it redraws a bar in place, and removes the bar when the map is done. Elsewhere it prints one line for each quarter
/// of the inputs. Errors while writing are ignored.
class ProgressBar {
 public:
  /// Constructs a bar that is labelled with `title`.
  explicit ProgressBar(std::string title);

  /// Shows the progress. The map calls this on the thread that uses the map.
  void operator()(Progress const& progress);

 private:
  void draw(Progress const& progress);

  std::string title_;
  int columns_;  ///< the width of the terminal; 0 if the output is not a terminal
  std::chrono::steady_clock::time_point drawn_{};
  std::size_t quarter_ = 0;
};

}  // namespace farm
