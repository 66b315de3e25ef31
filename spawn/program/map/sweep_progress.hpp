#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace farm::detail {

/// How far `map` is.
struct SweepProgress {
  std::size_t done = 0;
  std::size_t failed = 0;
  std::size_t running = 0;      ///< tasks
  double running_progress = 0;  ///< the sum of what the running tasks report, each from 0 to 1
  std::size_t total = 0;
  bool is_total_known = true;  ///< false: further inputs may come
  std::chrono::duration<double> elapsed{};

  /// Returns "17 of 100 done, 2 failed, 4 running (at 35%), 5.2/s, about 0:00:16 left". The share in parentheses is the
  /// mean of what the running tasks report, if they report anything.
  [[nodiscard]] std::string text() const;
};

/// Shows the progress on the standard error. On a terminal this is a bar, which is redrawn in place; messages of the
/// farm remove it first. Elsewhere it is a line from time to time.
class SweepBar {
 public:
  /// `line_interval` is the time from one line to the next where there is no terminal.
  SweepBar(bool is_quiet, std::chrono::nanoseconds line_interval);
  SweepBar(SweepBar const&) = delete;
  SweepBar& operator=(SweepBar const&) = delete;
  /// Removes the bar.
  ~SweepBar() { clear(); }

  /// Shows the progress if it is time to. `progress` is called only then.
  template <class Progress>
  void show(Progress const& progress) {
    if (std::chrono::steady_clock::now() >= next_) show_now(progress());
  }
  /// Removes the bar, so that a line can be printed in its place. show() then draws the bar again at once.
  void clear();
  /// Returns when show() has to be called again; time_point::max() if never.
  [[nodiscard]] std::chrono::steady_clock::time_point next() const { return next_; }

 private:
  void show_now(SweepProgress const& progress);
  [[nodiscard]] std::string bar(SweepProgress const& progress) const;

  int columns_;  ///< 0: no terminal
  std::chrono::nanoseconds interval_;
  bool is_drawn_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace farm::detail
