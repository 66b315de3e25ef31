#include "spawn/service/queue/rate_meter.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace farm::detail {

void RateMeter::add(double now, std::uint64_t events) {
  auto const second = static_cast<std::int64_t>(std::floor(now));
  auto const index = static_cast<std::size_t>(second) % counts_.size();
  if (first_ == 0 || now - first_ > static_cast<double>(seconds)) {
    bool const is_recent = std::any_of(seconds_.begin(), seconds_.end(),
                                       [&](std::int64_t each) { return each != 0 && each > second - seconds; });
    if (!is_recent) first_ = now;
  }
  if (seconds_[index] != second) {
    seconds_[index] = second;
    counts_[index] = 0;
  }
  counts_[index] += events;
}

double RateMeter::rate(double now) const {
  auto const second = static_cast<std::int64_t>(std::floor(now));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (seconds_[i] != 0 && seconds_[i] > second - seconds) sum += counts_[i];
  }
  if (sum == 0) return 0;
  auto const span = std::clamp(now - first_, 0.25, static_cast<double>(seconds));
  return static_cast<double>(sum) / span;
}

}  // namespace farm::detail
