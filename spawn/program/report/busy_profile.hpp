#pragma once

#include <cstddef>
#include <vector>

namespace farm::detail {

/// How much time was spent when, in bins whose width grows with the times that are added: the memory is bounded. Times
/// are microseconds.
class BusyProfile {
 public:
  /// Adds the time from `begin` to `end`.
  void add(double begin, double end);

  /// Returns the time that was spent in each of `count` columns of the given width, the first of which begins at 0.
  [[nodiscard]] std::vector<double> columns(double width, std::size_t count) const;

 private:
  double width_ = 1000;
  std::vector<double> bins_;
};

}  // namespace farm::detail
