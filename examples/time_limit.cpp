// $ mpiexec -n 1 -host localhost:2 time_limit
//
// Tasks that take too long, or that nobody wants any more, are stopped. A task with a TaskContext is asked to stop and
// keeps its group if it returns in time. Any other task ends with its group, and the pool starts a new group.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <chrono>
#include <thread>

using namespace std::chrono_literals;

void search_until_stopped(farm::TaskContext& context) {
  while (!context.stop_requested()) std::this_thread::sleep_for(1ms);
}
void sleep_for_a_day() { std::this_thread::sleep_for(24h); }
int square(int i) { return i * i; }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 1}};

  auto const limited = pool.submit(farm::TaskOptions{.timeout = 200ms}, search_until_stopped);
  try {
    limited.result();
  } catch (farm::TimeoutError const&) {
    fmt::print("the task was stopped after its time limit\n");
  }

  // Without `cancellable`, cancel() ends only tasks that have not started yet.
  auto const cancelled = pool.submit(farm::TaskOptions{.cancellable = true}, sleep_for_a_day);
  while (!cancelled.running()) std::this_thread::sleep_for(1ms);
  fmt::print("cancel: {}\n", cancelled.cancel());
  try {
    cancelled.result();
  } catch (farm::CancelledError const&) {
    fmt::print("the task was cancelled\n");
  }
  fmt::print("the pool goes on: {}\n", pool.submit(square, 7).result());
}
