#pragma once

#include <farm/options.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace farm {

/// Shows the progress of one map on the standard error: `MapOptions{.progress = ProgressBar{"name"}}`. On a terminal it
/// redraws a line in place, with a bar, the numbers of inputs, and the times elapsed and left: about as long as the
/// time per input so far. It removes the line when the map is done, is left, or is interrupted. Elsewhere it prints a
/// line every half minute and one at the end. Errors while writing are ignored.
class ProgressBar {
 public:
  /// Constructs a bar that is labelled with `title`.
  explicit ProgressBar(std::string title);
  /// Copies the title. The copy is a bar of its own, which shows nothing yet.
  ProgressBar(ProgressBar const& other);
  ProgressBar& operator=(ProgressBar const&) = delete;
  /// Removes the line if it is shown.
  ~ProgressBar();

  /// Shows the progress. The map calls this on the thread that uses the map.
  void operator()(Progress const& progress);

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::string numbers(Progress const& progress, Clock::time_point now) const;
  void draw(Progress const& progress, Clock::time_point now);

  std::string title_;
  int columns_;  ///< the width of the terminal; 0 if the standard error is not a terminal
  Clock::time_point began_{};
  Clock::time_point written_{};
  bool is_drawn_ = false;
};

}  // namespace farm
