// recovery SCRATCH_FILE: measures the cost of a rank's death: the time until a task runs on the replacement, and the
// throughput while one rank is killed every 2 s. For comparison it measures the start of a first group, and the
// undisturbed throughput. Also measures tasks that each have a fresh group (tasks_per_group = 1).
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;  // the same in all processes of a host

constexpr int deaths = 40;
constexpr int workers = 4;
constexpr int tasks = 4000;
constexpr auto task_time = 10ms;  // the task sleeps, so more ranks than cores do not matter
constexpr auto kill_every = 2s;

std::int64_t now() { return Clock::now().time_since_epoch().count(); }

/// Rank 0 of the first attempt writes the time and dies; the second attempt writes when it started.
std::int64_t die_once(std::string const& path, farm::TaskContext& context) {
  auto const begun = now();
  if (context.attempt() > 1) return begun;
  if (context.rank() == 0) {
    std::ofstream{path} << now() << std::flush;
    raise(SIGKILL);
  }
  for (;;) pause();
}

std::int64_t begin() { return now(); }

double ms(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

void print_times(std::string const& name, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  fmt::print("{}_ms {:.2f}\n{}_p95_ms {:.2f}\n", name, times[times.size() / 2], name, times[times.size() * 95 / 100]);
}

/// Measures one death after the other, in a pool of one group.
void measure_recovery(int ranks, std::string const& path) {
  std::vector<double> fresh;
  for (int i = 0; i < deaths / 4; ++i) {
    farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks}};
    auto const asked = now();
    fresh.push_back(ms(pool.submit(begin).result() - asked));
  }
  std::vector<double> times;
  farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks}};
  for (int i = 0; i < deaths; ++i) {
    auto const begun = pool.submit(die_once, path).result();
    std::int64_t died = 0;
    std::ifstream{path} >> died;
    times.push_back(ms(begun - died));
  }
  print_times(fmt::format("recovery_{}", ranks), times);
  print_times(fmt::format("fresh_group_{}", ranks), fresh);
}

/// Measures tasks that do nothing, one after the other, each on a fresh group.
void measure_fresh_groups(int ranks) {
  constexpr int in_row = 20;
  farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks, .tasks_per_group = 1}};
  static_cast<void>(pool.submit(begin).result());
  auto const asked = now();
  for (int i = 0; i < in_row; ++i) static_cast<void>(pool.submit(begin).result());
  fmt::print("one_task_per_group_{}_ms {:.2f}\n", ranks, ms(now() - asked) / in_row);
}

int nap() {
  std::this_thread::sleep_for(task_time);
  return getpid();
}

/// Measures tasks per second while one rank, of those that have run a task, is killed at each interval.
double throughput(bool disturbed, int& killed) {
  farm::MPISpawnPool pool{{.max_ranks = workers, .max_losses = 100}};
  pool.bootup();
  std::mutex mutex;
  std::set<pid_t> ranks;  // guarded by mutex
  std::jthread killer;
  if (disturbed) {
    killer = std::jthread{[&](std::stop_token const& stop) {
      std::mt19937 random{1};
      std::condition_variable_any never;
      std::unique_lock lock{mutex};
      while (!never.wait_for(lock, stop, kill_every, [&] { return stop.stop_requested(); })) {
        if (ranks.empty()) continue;
        auto const victim =
            std::next(ranks.begin(), std::uniform_int_distribution<std::ptrdiff_t>{0, std::ssize(ranks) - 1}(random));
        if (kill(*victim, SIGKILL) == 0) ++killed;
        ranks.clear();  // ranks that are alive register again with their next task
      }
    }};
  }
  auto const begun = Clock::now();
  std::vector<farm::Future<int>> futures;
  for (int i = 0; i < tasks; ++i) {
    futures.push_back(pool.submit(nap));
    futures.back().add_done_callback([&](farm::Future<int> const& future) {
      std::scoped_lock const lock{mutex};
      ranks.insert(future.result());
    });
  }
  for (auto const& future : futures) static_cast<void>(future.result());
  double const seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  killer = {};
  return tasks / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  if (argc != 2) return 2;
  for (int const ranks : {1, 2}) {
    measure_recovery(ranks, argv[1]);
    measure_fresh_groups(ranks);
  }
  int killed = 0;
  double const undisturbed = throughput(false, killed);
  double const disturbed = throughput(true, killed);
  fmt::print("naps_undisturbed_per_s {:.1f}\nnaps_under_kills_per_s {:.1f}\nnaps_killed {}\n", undisturbed, disturbed,
             killed);
}
