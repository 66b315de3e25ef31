// $ mpiexec -n 1 -host localhost:3 pool_executor
//
// Futures of serial functions. A future needs no update(): it is done as soon as its task has ended.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

int calc(int i) { return i * i; }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::PoolExecutor executor{{.max_workers = 2}};
  std::vector<farm::Future<int>> futures;
  for (int i : {1, 2, 3, 4}) futures.push_back(executor.submit(calc, i));

  std::vector<bool> done;
  for (auto const& future : futures) done.push_back(future.done());
  fmt::print("{}\n", done);

  farm::wait(futures);
  std::vector<int> results;
  for (auto const& future : futures) results.push_back(future.result());
  fmt::print("{}\n", results);
}
