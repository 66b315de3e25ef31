// $ mpiexec -n 1 -host localhost:2 progress
//
// A task reports how much of it is done, and the master shows it. A parameter of type farm::TaskContext& is a task's
// link to its master. The farm supplies the object, so the caller does not pass it.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <chrono>
#include <thread>

using namespace std::chrono_literals;

double integrate(int steps, farm::TaskContext& context) {
  double sum = 0;
  for (int i = 0; i < steps; ++i) {
    double const x = (i + 0.5) / steps;
    sum += 4 / (1 + x * x) / steps;
    context.set_progress((i + 1.0) / steps);  // cheap: the rank sends at most one report in 50 ms
    std::this_thread::sleep_for(1ms);
  }
  context.log("integrated");  // one line on the master's stderr, marked with task, attempt and rank
  return sum;
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const future = pool.submit(integrate, 400);
  for (int quarter = 1; quarter <= 4; ++quarter) {
    while (!future.done() && future.progress() < quarter / 4.0) std::this_thread::sleep_for(10ms);
    fmt::print("{} % done\n", 25 * quarter);
  }
  fmt::print("pi is {:.4f}\n", future.result());
}
