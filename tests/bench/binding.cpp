// binding: measures whether ranks that are bound to cores compute as fast as ranks that are not: as many groups of one
// rank as there are cores, each computing for some 50 ms at a time, in turn in a pool that binds and in one that does
// not.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t compute(std::uint64_t seed) {
  for (int i = 0; i < 40'000'000; ++i) seed = seed * 6364136223846793005U + 1442695040888963407U;
  return seed;
}

/// Returns the time in milliseconds in which all ranks compute some tasks each.
double measure(farm::MPISpawnPool& pool, int ranks) {
  constexpr int tasks_per_rank = 10;
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < ranks * tasks_per_rank; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
  auto const start = Clock::now();
  static_cast<void>(pool.map(compute, seeds));
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  int const ranks = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  farm::MPISpawnPool bound{{.max_ranks = ranks}};
  farm::MPISpawnPool unbound{{.max_ranks = ranks, .workers = {.bind = false}}};
  bound.bootup();
  unbound.bootup();
  std::vector<double> with;
  std::vector<double> without;
  for (int round = 0; round < 11; ++round) {
    with.push_back(measure(bound, ranks));
    without.push_back(measure(unbound, ranks));
  }
  auto const median = [](std::vector<double>& times) {
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  };
  fmt::print("binding_bound_ms {:.1f}\nbinding_unbound_ms {:.1f}\n", median(with), median(without));
}
