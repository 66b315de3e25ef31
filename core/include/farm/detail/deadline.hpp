#pragma once

#include <farm/error.hpp>

#include <chrono>
#include <cmath>
#include <type_traits>

namespace farm::detail {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

/// The deadline of a wait without a timeout.
inline constexpr Deadline never = Deadline::max();

/// Returns the time that comes `time` after `start`: `never` if that is too late for the clock. `start` must not lie
/// before the clock's epoch.
[[nodiscard]] constexpr Deadline later(Deadline start, Clock::duration time) {
  return time < never - start ? start + time : never;
}

/// Returns the end of a timeout that starts now: `never` if the timeout is too long for the clock, now if it is
/// negative. Throws UsageError if it is not a number.
template <class Rep, class Period>
[[nodiscard]] Deadline deadline_after(std::chrono::duration<Rep, Period> timeout) {
  using Seconds = std::chrono::duration<double>;
  if constexpr (std::is_floating_point_v<Rep>) {
    if (std::isnan(timeout.count())) throw UsageError("the timeout is not a number (NaN); pass a time, or none");
  }
  auto const now = Clock::now();
  auto const seconds = std::chrono::duration_cast<Seconds>(timeout);
  if (seconds <= Seconds::zero()) return now;
  if (!(seconds < std::chrono::duration_cast<Seconds>(never - now) * 0.99)) return never;
  return now + std::chrono::duration_cast<Clock::duration>(timeout);
}

}  // namespace farm::detail
