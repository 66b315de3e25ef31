// $ mpiexec -n 1 -host localhost:3 futures
//
// Futures are joined without waiting for each of them: chained by then(), given as arguments, taken in the order in
// which they end, or collected into one.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

#include <stdexcept>
#include <string>

int square(int i) { return i * i; }
int add(int a, int b) { return a + b; }
int fail() { throw std::runtime_error("out of luck"); }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 2}};

  // A future as an argument: the second task starts when the first has ended, and the master does not wait.
  auto const nine = pool.submit(square, 3);
  auto const ten = pool.submit(add, nine, 1);
  // then() calls a function of the master with the value. Keep such functions short: they run on the farm's thread.
  fmt::print("{}\n", ten.then([](int value) { return fmt::format("3 * 3 + 1 is {}", value); }).result());
  // catch_error() replaces an error by a value.
  fmt::print("{}\n", pool.submit(fail).catch_error([](std::exception_ptr const&) { return -1; }).result());

  std::vector<farm::Future<int>> futures;
  for (int i = 1; i <= 10; ++i) futures.push_back(pool.submit(square, i));
  int sum = 0;
  for (auto const& future : farm::as_completed(futures)) sum += future.result();  // first those that end first
  fmt::print("sum {}\n", sum);
  fmt::print("{}\n", farm::collect(futures).result());  // one future of all values, in the order of `futures`
}
