#pragma once

#include <farm/options.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace farm::demo {

/// Tells of a map's progress on the standard output: a bar that is drawn over itself on a terminal, elsewhere a line
/// each quarter of the way. To be called as MapOptions::progress; leaves no bar behind once all is done.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(std::string title);
  void operator()(Progress const& progress);

 private:
  void draw_bar(Progress const& progress);

  std::string title_;
  int columns_;  ///< of the terminal; 0 where there is none
  std::chrono::steady_clock::time_point drawn_{};
  std::size_t quarter_ = 0;
};

}  // namespace farm::demo
