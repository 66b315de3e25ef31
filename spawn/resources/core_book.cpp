#include "spawn/resources/core_book.hpp"

#include "spawn/resources/core_claim.hpp"

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

bool has_any(Processors const& own, Processors const& allowed) {
  return std::any_of(own.begin(), own.end(),
                     [&](int each) { return std::binary_search(allowed.begin(), allowed.end(), each); });
}

}  // namespace

CoreBook::CoreBook(Cores cores, Claims claims) : claims_(claims) {
  for (auto& each : cores) cores_.push_back({.processors = std::move(each)});
}

/// Returns free cores without claiming them: the smallest run of neighbours that is long enough, else the first ones.
std::vector<std::size_t> CoreBook::find(Processors const& allowed, std::vector<bool> const& foreign,
                                        std::size_t count) const {
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    if (!cores_[i].taken && !foreign[i] && has_any(cores_[i].processors, allowed)) free.push_back(i);
  }
  if (free.size() < count) return {};
  std::size_t best = 0;
  std::size_t best_length = 0;  // 0: no run is long enough
  for (std::size_t begin = 0; begin < free.size();) {
    auto end = begin + 1;
    while (end < free.size() && free[end] == free[end - 1] + 1) ++end;
    auto const length = end - begin;
    if (length >= count && (best_length == 0 || length < best_length)) {
      best = begin;
      best_length = length;
    }
    begin = end;
  }
  auto const first = free.begin() + static_cast<std::ptrdiff_t>(best);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

bool CoreBook::claim(Core& core) const {
  if (claims_ == Claims::none) return true;
  core.claim = claim_core(core.processors.front());
  return static_cast<bool>(core.claim);
}

std::vector<std::size_t> CoreBook::take(Processors const& allowed, std::size_t count) {
  std::vector<bool> foreign(cores_.size());  // claimed by another farm
  for (;;) {
    auto found = find(allowed, foreign, count);
    if (found.empty()) return {};
    bool all = true;
    for (auto const each : found) {
      cores_[each].taken = claim(cores_[each]);
      foreign[each] = !cores_[each].taken;
      all = all && cores_[each].taken;
    }
    if (all) return found;
    give_back(found);
  }
}

void CoreBook::give_back(std::vector<std::size_t> const& numbers) {
  for (auto const each : numbers) {
    cores_[each].taken = false;
    cores_[each].claim = {};
  }
}

Processors CoreBook::processors_of(std::vector<std::size_t> const& numbers, Processors const& allowed) const {
  Processors found;
  for (auto const number : numbers) {
    for (int const each : cores_[number].processors) {
      if (std::binary_search(allowed.begin(), allowed.end(), each)) found.push_back(each);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace farm::detail
