#pragma once

#include <farm/options.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace farm {

/// Shows a map's progress on the standard output: `MapOptions{.progress = ProgressBar{"name"}}`. A bar that is drawn
/// over itself on a terminal, and is gone when all is done; elsewhere a line each quarter of the way. For one map. That
/// the output cannot be written is ignored.
class ProgressBar {
 public:
  explicit ProgressBar(std::string title);
  void operator()(Progress const& progress);

 private:
  void draw(Progress const& progress);

  std::string title_;
  int columns_;  ///< of the terminal; 0 where there is none
  std::chrono::steady_clock::time_point drawn_{};
  std::size_t quarter_ = 0;
};

}  // namespace farm
