#pragma once

#include <chrono>

namespace farm::detail {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

/// The deadline of a wait without a timeout.
inline constexpr Deadline never = Deadline::max();

/// Returns the end of a timeout that starts now: `never` if the timeout is too long for the clock, now if it is
/// negative.
template <class Rep, class Period>
[[nodiscard]] Deadline deadline_after(std::chrono::duration<Rep, Period> timeout) {
  using Seconds = std::chrono::duration<double>;
  auto const now = Clock::now();
  auto const seconds = std::chrono::duration_cast<Seconds>(timeout);
  if (seconds <= Seconds::zero()) return now;
  if (!(seconds < std::chrono::duration_cast<Seconds>(never - now) * 0.99)) return never;
  return now + std::chrono::duration_cast<Clock::duration>(timeout);
}

}  // namespace farm::detail
