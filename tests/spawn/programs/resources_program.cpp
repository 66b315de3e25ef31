// Reports on which cores and devices tasks run. Usage: resources_program SCENARIO TASKS RANKS THREADS GPUS [MEMORY
// [LICENCES]]
//   meet   All tasks run at once: each waits for the others. One line for each rank.
//   count  Prints how many of the tasks ran at once at most.
//   fill   Each task needs a GiB of memory; without tasks, a program does.
//   twice  Each task runs on the group of the one before. One line for each rank.
#include <farm/farm.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string variable(char const* name) {
  char const* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it meanwhile
  return value != nullptr ? value : "-";
}

std::string describe(int task, farm::Comm const& comm) {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  std::vector<int> processors;
  for (int each = 0; each < CPU_SETSIZE; ++each) {
    if (CPU_ISSET(static_cast<std::size_t>(each), &set)) processors.push_back(each);
  }
  return fmt::format("{} {} cores={} threads={} cuda={} hip={} ze={}", task, comm.rank(), fmt::join(processors, ","),
                     variable("OMP_NUM_THREADS"), variable("CUDA_VISIBLE_DEVICES"), variable("HIP_VISIBLE_DEVICES"),
                     variable("ZE_AFFINITY_MASK"));
}

/// Waits until all tasks are here.
std::string meet(int task, int tasks, std::string const& directory, farm::Comm const& comm) {
  auto const place = [&](int each) { return fmt::format("{}/arrived-{}", directory, each); };
  if (comm.rank() == 0) std::ofstream{place(task)} << task;
  for (int each = 0; each < tasks; ++each) {
    while (!std::filesystem::exists(place(each))) sched_yield();
  }
  comm.barrier();
  return describe(task, comm);
}

std::string alone(int task, int /*tasks*/, std::string const& /*directory*/, farm::Comm const& comm) {
  return describe(task, comm);
}

/// Returns when the task began and ended.
std::pair<std::int64_t, std::int64_t> take_time(int /*task*/, farm::Comm const& comm) {
  auto const begin = Clock::now();
  while (Clock::now() < begin + 10ms) sched_yield();
  comm.barrier();
  return {begin.time_since_epoch().count(), Clock::now().time_since_epoch().count()};
}

/// Writes to so much memory.
std::size_t fill() {
  std::vector<char> const memory(std::size_t{1} << 30U, 'x');
  return memory.size();
}

int most_at_once(std::vector<std::pair<std::int64_t, std::int64_t>> const& times) {
  long most = 0;
  for (auto const& each : times) {
    most = std::max(most, std::count_if(times.begin(), times.end(), [&](auto const& other) {
                      return other.first <= each.first && each.first < other.second;
                    }));
  }
  return static_cast<int>(most);
}

}  // namespace

int main(int argc, char** argv) try {
  farm::Runtime runtime{argc, argv};
  std::vector<std::string> const words{argv + 1, argv + argc};
  auto const number = [&](std::size_t i) { return i < words.size() ? std::stoi(words[i]) : 0; };
  int const tasks = number(1);
  farm::TaskOptions options{.ranks = number(2), .timeout = 30s, .threads = number(3), .gpus = number(4)};
  options.memory = std::int64_t{number(5)} << 20;
  if (number(6) > 0) options.resources = {{"licence", number(6)}};
  farm::MPISpawnPool pool{{.max_ranks = std::max(4, number(2)), .ranks_per_task = 1}};
  if (words.at(0) == "count") {
    std::vector<farm::Future<std::pair<std::int64_t, std::int64_t>>> futures;
    for (int i = 0; i < tasks; ++i) futures.push_back(pool.submit(options, take_time, i));
    std::vector<std::pair<std::int64_t, std::int64_t>> times;
    for (auto& each : futures) times.push_back(each.result());
    fmt::print("at once {}\n", most_at_once(times));
    return 0;
  }
  if (words.at(0) == "fill") {
    for (int i = 0; i < tasks; ++i) pool.submit(options, fill).result();
    auto const command = "x=$(head -c 1G /dev/zero | tr '\\0' x)";
    pool.run(options, {.command = {"sh", "-c", command}, .mpi = number(2) > 1}).result();
    return 0;
  }
  std::vector<farm::Future<std::vector<std::string>>> futures;
  auto const directory = std::filesystem::current_path().string();
  for (int i = 0; i < tasks; ++i) {
    auto const function = words.at(0) == "meet" ? meet : alone;
    futures.push_back(pool.submit(farm::all_ranks(options), function, i, tasks, directory));
    if (words.at(0) == "twice") static_cast<void>(futures.back().result());
  }
  for (auto& each : futures) {
    for (auto const& line : each.result()) fmt::print("{}\n", line);
  }
  return 0;
} catch (std::exception const& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
