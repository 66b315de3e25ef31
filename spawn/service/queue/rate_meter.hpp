#pragma once

#include <array>
#include <cstdint>

namespace farm::detail {

/// Counts events of the last ten seconds.
class RateMeter {
 public:
  /// `now` is in seconds of any clock that does not go back.
  void add(double now, std::uint64_t events);
  /// Returns events per second: over the last ten seconds, or since the first event if that is later.
  [[nodiscard]] double rate(double now) const;

 private:
  static constexpr std::int64_t seconds = 10;

  std::array<std::uint64_t, seconds + 1> counts_{};
  std::array<std::int64_t, seconds + 1> seconds_{};
  double first_ = 0;
};

}  // namespace farm::detail
