// queue: measures the effect of the queue's length: the time of a task of one rank that does nothing, if 10 thousand
// and if a million are queued at once, in microseconds; and the master's memory per queued task, in bytes.
#include "tests/bench/measure.hpp"

#include <farm/farm.hpp>

#include <fmt/format.h>

#include <malloc.h>
#include <unistd.h>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int workers = 2;
constexpr std::size_t few = 10'000;
constexpr std::size_t many = 1'000'000;
constexpr int repetitions = 3;

int noop(int i) { return i; }

/// Keeps a worker busy until the file exists.
int hold(std::string const& path) {
  while (access(path.c_str(), F_OK) != 0) usleep(1000);
  return 0;
}

/// Returns the memory of this process as the kernel counts it.
double resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  double all = 0;
  double resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double allocated_bytes() {
  auto const info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

using Results = std::vector<farm::Future<int>>;

void submit(farm::MPISpawnPool& pool, std::size_t tasks, Results& results) {
  for (std::size_t i = 0; i < tasks; ++i) results.push_back(pool.submit(noop, static_cast<int>(i)));
}

double us_per_task(farm::MPISpawnPool& pool, std::size_t tasks) {
  Results results;
  results.reserve(tasks);
  double const start = bench::wall_us();
  submit(pool, tasks, results);
  for (auto const& result : results) static_cast<void>(result.result());
  return (bench::wall_us() - start) / static_cast<double>(tasks);
}

void measure_memory(farm::MPISpawnPool& pool, std::string const& path) {
  std::vector<farm::Future<int>> holders;
  for (int i = 0; i < workers; ++i) holders.push_back(pool.submit(hold, path));
  for (auto const& holder : holders) {
    while (!holder.running()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  Results results(many);  // allocates its own memory before the measurement
  results.clear();
  malloc_trim(0);
  double const resident = resident_bytes();
  double const allocated = allocated_bytes();
  submit(pool, many, results);
  static_cast<void>(pool.statistics());  // returns after all tasks are queued
  fmt::print("queued_resident_bytes {:.1f}\nqueued_allocated_bytes {:.1f}\n",
             (resident_bytes() - resident) / static_cast<double>(many),
             (allocated_bytes() - allocated) / static_cast<double>(many));
  std::ofstream{path}.close();
  for (auto const& result : results) static_cast<void>(result.result());
  std::remove(path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = workers}};
  pool.bootup();
  measure_memory(pool, fmt::format("/tmp/farm-bench-{}", getpid()));
  std::vector<double> short_queue;
  std::vector<double> long_queue;
  static_cast<void>(us_per_task(pool, few));
  for (int i = 0; i < repetitions; ++i) {
    // both measurements run the same number of tasks
    std::vector<double> each;
    for (std::size_t done = 0; done < many; done += few) each.push_back(us_per_task(pool, few));
    short_queue.push_back(bench::median(each));
    long_queue.push_back(us_per_task(pool, many));
  }
  fmt::print("queue_of_10k_us {:.4f}\nqueue_of_1m_us {:.4f}\n", bench::median(short_queue), bench::median(long_queue));
}
