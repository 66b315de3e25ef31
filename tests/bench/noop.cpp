// noop: measures the wall time and the master's processor time of a task that does nothing, in microseconds.
#include "tests/bench/measure.hpp"

#include <farm/farm.hpp>

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

using bench::cpu_us;
using bench::median;
using bench::wall_us;

namespace {

using Down = std::array<double, 8>;
using Up = std::array<double, 2>;

Up noop_of_two(Down const& down, farm::Comm const& /*comm*/) { return {down[0], down[1]}; }
int noop(int i) { return i; }

constexpr int repetitions = 3;
constexpr std::chrono::seconds idle_time{2};

double cpu_us_of_rank() { return cpu_us(); }

/// Prints wall and processor time per task as NAME_us and NAME_cpu_us.
template <class F>
void measure(std::string_view name, int tasks, F run) {
  std::vector<double> walls;
  std::vector<double> cpus;
  for (int i = 0; i < repetitions; ++i) {
    double const wall = wall_us();
    double const cpu = cpu_us();
    run(tasks);
    cpus.push_back((cpu_us() - cpu) / tasks);
    walls.push_back((wall_us() - wall) / tasks);
  }
  fmt::print("{}_us {:.3f}\n{}_cpu_us {:.3f}\n", name, median(walls), name, median(cpus));
}

/// Runs one task after the other, and prints the median time of one as NAME_us.
template <class F>
void measure_each(std::string_view name, int tasks, F run) {
  std::vector<double> walls;
  walls.reserve(static_cast<std::size_t>(tasks));
  double const cpu = cpu_us();
  for (int i = 0; i < tasks; ++i) {
    double const wall = wall_us();
    run(i);
    walls.push_back(wall_us() - wall);
  }
  fmt::print("{}_us {:.3f}\n{}_cpu_us {:.3f}\n", name, median(walls), name, (cpu_us() - cpu) / tasks);
}

template <class Submit>
auto all_at_once(Submit submit) {
  return [submit](int tasks) {
    std::vector<decltype(submit(0))> results;
    results.reserve(static_cast<std::size_t>(tasks));
    for (int i = 0; i < tasks; ++i) results.push_back(submit(i));
    for (auto const& result : results) static_cast<void>(result.result());
  };
}

/// Measures the processor time of idle ranks, in percent of one core.
void measure_idling(farm::MPISpawnPool& pool) {
  auto const cpu_of_ranks = [&] {
    auto const each = pool.submit(farm::all_ranks, cpu_us_of_rank).result();
    return std::accumulate(each.begin(), each.end(), 0.0);
  };
  double const before = cpu_of_ranks();
  std::this_thread::sleep_for(idle_time);
  fmt::print("idle_ranks_percent {:.4f}\n",
             (cpu_of_ranks() - before) / std::chrono::microseconds{idle_time}.count() * 100);
}

void measure_pairs() {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  pool.bootup();
  auto const submit = [&](int i) { return pool.submit(noop_of_two, Down{static_cast<double>(i)}); };
  all_at_once(submit)(2'000);
  measure("pair_queued", 20'000, all_at_once(submit));
  measure_each("pair_alternating", 5'000, [&](int i) { static_cast<void>(submit(i).result()); });
  measure_idling(pool);
}

void measure_singles() {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  pool.bootup();
  auto const submit = [&](int i) { return pool.submit(noop, i); };
  all_at_once(submit)(2'000);
  measure("single_queued", 100'000, all_at_once(submit));
  measure("single_chunked", 1'000'000, [&](int tasks) {
    std::vector<int> const inputs(static_cast<std::size_t>(tasks));
    static_cast<void>(pool.map(noop, inputs, farm::MapOptions{.chunksize = 100}));
  });
  measure_each("single_alternating", 10'000, [&](int i) { static_cast<void>(submit(i).result()); });
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  measure_pairs();
  measure_singles();
}
