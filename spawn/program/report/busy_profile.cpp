#include "spawn/program/report/busy_profile.hpp"

#include <algorithm>
#include <cmath>

namespace farm::detail {
namespace {

constexpr std::size_t most_bins = 512;

/// Adds a part of `amount`, which is spread over the time from `begin` to `end`, to each bin that the time touches.
void spread(double begin, double end, double amount, double width, std::vector<double>& bins) {
  if (end <= begin || bins.empty()) return;
  auto const first = static_cast<std::size_t>(begin / width);
  auto const last = std::min(bins.size(), static_cast<std::size_t>(std::ceil(end / width)));
  for (auto i = first; i < last; ++i) {
    auto const from = static_cast<double>(i) * width;
    auto const overlap = std::min(end, from + width) - std::max(begin, from);
    bins[i] += amount * std::max(0.0, overlap) / (end - begin);
  }
}

}  // namespace

void BusyProfile::add(double begin, double end) {
  begin = std::max(begin, 0.0);
  if (!(end > begin) || !std::isfinite(end)) return;
  while (end > width_ * static_cast<double>(most_bins)) {
    for (std::size_t i = 0; i < bins_.size(); ++i) {
      auto const value = bins_[i];
      if (i % 2 == 0) {
        bins_[i / 2] = value;
      } else {
        bins_[i / 2] += value;
      }
    }
    bins_.resize((bins_.size() + 1) / 2);
    width_ *= 2;
  }
  auto const needed = static_cast<std::size_t>(std::ceil(end / width_));
  if (bins_.size() < needed) bins_.resize(needed);
  spread(begin, end, end - begin, width_, bins_);
}

std::vector<double> BusyProfile::columns(double width, std::size_t count) const {
  std::vector<double> result(count);
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    auto const from = static_cast<double>(i) * width_;
    spread(from, from + width_, bins_[i], width, result);
  }
  return result;
}

}  // namespace farm::detail
