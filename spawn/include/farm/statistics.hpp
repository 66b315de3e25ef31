#pragma once

#include <chrono>
#include <cstdint>

namespace farm {

/// What a pool or an executor has done so far.
struct Statistics {
  std::uint64_t tasks = 0;           ///< that are done: with a value, with an error, or cancelled
  std::uint64_t groups = 0;          ///< that were started in all
  std::uint64_t groups_lost = 0;     ///< whose ranks died or could not be reached any more
  int peak_ranks = 0;                ///< the most ranks that were alive at once
  std::chrono::nanoseconds wall{0};  ///< since the first submission; 0 before
  std::chrono::nanoseconds busy{0};  ///< rank time spent in tasks, summed over all ranks
  /// Returns which part of the time of `peak_ranks` ranks was spent in tasks, from 0 to 1.
  [[nodiscard]] double busy_share() const;
};

}  // namespace farm
