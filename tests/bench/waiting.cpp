// waiting [SECONDS]: measures the processor time of 16 idle ranks with their guards, the master and the launcher for 10
// s, in percent of one core; a task that computes on 2 ranks, alone and beside 14 idle groups, in ms; and how busy
// tasks of 10 ms keep 2 workers, in percent.
#include "tests/bench/measure.hpp"

#include <farm/farm.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

/// Returns the parent in a line of /proc/PID/stat, which follows the name in brackets and the state.
pid_t parent_in(std::string const& stat) {
  auto const end = stat.rfind(')');
  return end == std::string::npos ? 0 : static_cast<pid_t>(std::strtol(stat.c_str() + end + 4, nullptr, 10));
}

/// Returns the processor time of all threads of a process so far, in nanoseconds.
double run_time(std::filesystem::path const& process) {
  double sum = 0;
  std::error_code error;
  for (auto const& thread : std::filesystem::directory_iterator{process / "task", error}) {
    double nanoseconds = 0;
    std::ifstream{thread.path() / "schedstat"} >> nanoseconds;
    sum += nanoseconds;
  }
  return sum;
}

/// Returns the processor time of the launcher that started this process, and of all its descendants.
double run_time_of_all() {
  std::map<pid_t, pid_t> parents;
  std::map<pid_t, double> times;
  for (auto const& entry : std::filesystem::directory_iterator{"/proc"}) {
    auto const pid = static_cast<pid_t>(std::strtol(entry.path().filename().c_str(), nullptr, 10));
    std::string stat;
    if (pid == 0 || !std::getline(std::ifstream{entry.path() / "stat"}, stat)) continue;
    parents[pid] = parent_in(stat);
    times[pid] = run_time(entry.path());
  }
  pid_t const root = getppid();
  double sum = 0;
  for (auto const& [pid, time] : times) {
    pid_t ancestor = pid;
    while (ancestor > 1 && ancestor != root) ancestor = parents[ancestor];
    if (ancestor == root) sum += time;
  }
  return sum;
}

void measure_idling(std::chrono::seconds time) {
  constexpr int idle_workers = 16;
  farm::MPISpawnPool pool{{.max_ranks = idle_workers}};
  pool.bootup();
  std::this_thread::sleep_for(std::chrono::milliseconds{500});  // the ranks become idle
  double const before = run_time_of_all();
  std::this_thread::sleep_for(time);
  fmt::print("idle_16_percent {:.4f}\n",
             (run_time_of_all() - before) / std::chrono::duration<double, std::nano>{time}.count() * 100);
}

/// Computes for about 100 ms on each rank.
double compute(farm::Comm const& /*comm*/) {
  std::uint64_t x = 1;
  for (int i = 0; i < 100'000'000; ++i) x = x * 6364136223846793005U + 1442695040888963407U;
  return static_cast<double>(x);
}

void measure_computing() {
  constexpr int repetitions = 15;
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  pool.bootup();
  auto const measure = [&](std::vector<double>& times) {
    for (int i = 0; i < repetitions; ++i) {
      double const start = bench::wall_us();
      static_cast<void>(pool.submit(compute).result());
      times.push_back((bench::wall_us() - start) / 1000);
    }
  };
  std::vector<double> alone;
  std::vector<double> beside;
  for (int round = 0; round < 2; ++round) {
    measure(alone);
    farm::MPISpawnPool idle{{.max_ranks = 14}};
    idle.bootup();
    measure(beside);
  }
  fmt::print("compute_alone_ms {:.3f}\ncompute_beside_idle_ms {:.3f}\n", bench::median(alone), bench::median(beside));
}

int take_time(int milliseconds) {
  auto const end = Clock::now() + std::chrono::milliseconds{milliseconds};
  while (Clock::now() < end) {
  }
  return 0;
}

void measure_busyness() {
  constexpr int workers = 2;
  constexpr int tasks = 400;
  farm::MPISpawnPool pool{{.max_ranks = workers}};
  pool.bootup();
  static_cast<void>(pool.map(take_time, std::vector<int>(workers, 1)));
  auto const busy_before = pool.statistics().busy;
  auto const start = Clock::now();
  static_cast<void>(pool.map(take_time, std::vector<int>(tasks, 10)));
  std::chrono::duration<double> const wall = Clock::now() - start;
  std::chrono::duration<double> const busy = pool.statistics().busy - busy_before;
  fmt::print("busy_percent {:.3f}\n", 100 * busy.count() / (workers * wall.count()));
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  measure_idling(std::chrono::seconds{argc == 2 ? std::atoi(argv[1]) : 10});
  measure_computing();
  measure_busyness();
}
