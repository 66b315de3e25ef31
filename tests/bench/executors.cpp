// executors spawned|static|together: measures the time of a task of one rank that does nothing, through each executor
// and pool, in microseconds, with two workers: spawned ranks, or ranks of a job that was started with three.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

int noop(int i) { return i; }

constexpr int repetitions = 3;
constexpr std::size_t single_tasks = 20'000;
constexpr std::size_t chunked_tasks = 500'000;

double median(std::vector<double> values) {
  auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class Bench {
 public:
  explicit Bench(std::string source) : source_(std::move(source)) {}

  /// Measures executors whose map returns a range or all results.
  template <class Executor>
  void map(std::string_view name, Executor& executor) const {
    auto const run = [&](std::size_t tasks, std::int64_t chunksize) {
      std::vector<int> const inputs(tasks, 1);
      std::size_t sum = 0;
      for (int const result : executor.map(noop, inputs, farm::MapOptions{.chunksize = chunksize})) {
        sum += static_cast<std::size_t>(result);
      }
      if (sum != tasks) throw std::logic_error("wrong results");
    };
    measure(name, "single", single_tasks, [&](std::size_t tasks) { run(tasks, 1); });
    measure(name, "chunked", chunked_tasks, [&](std::size_t tasks) { run(tasks, 100); });
  }

  template <class Executor>
  void submit(std::string_view name, Executor& executor) const {
    measure(name, "single", single_tasks, [&](std::size_t tasks) {
      std::vector<decltype(executor.submit(noop, 1))> futures;
      futures.reserve(tasks);
      for (std::size_t i = 0; i < tasks; ++i) futures.push_back(executor.submit(noop, 1));
      for (auto const& future : futures) static_cast<void>(future.result());
    });
  }

 private:
  template <class Run>
  void measure(std::string_view name, std::string_view kind, std::size_t tasks, Run run) const {
    run(tasks / 10);
    std::vector<double> times;
    for (int i = 0; i < repetitions; ++i) {
      auto const start = std::chrono::steady_clock::now();
      run(tasks);
      std::chrono::duration<double, std::micro> const time = std::chrono::steady_clock::now() - start;
      times.push_back(time.count() / static_cast<double>(tasks));
    }
    fmt::print("{}_{}_{}_us {:.3f}\n", source_, name, kind, median(times));
  }

  std::string source_;
};

void by_pools(Bench const& bench) {
  {
    farm::MPISpawnPool pool{{.max_ranks = 2}};
    bench.map("MPISpawnPool", pool);
  }
  {
    farm::MPIPoolExecutor executor{{.max_workers = 2}};
    bench.map("MPIPoolExecutor", executor);
  }
  {
    farm::PoolExecutor executor{{.max_workers = 2}};
    bench.submit("PoolExecutor", executor);
  }
  {
    farm::Executor executor{{.cores = 1}};
    bench.submit("Executor", executor);
  }
  farm::Pool pool{{.max_workers = 2}};
  bench.map("Pool", pool);
}

void by_all_ranks(Bench const& bench) {
  {
    farm::MPICommExecutor executor;
    if (executor) bench.map("MPICommExecutor", *executor);
  }
  {
    farm::MPIExecutor executor;
    if (executor.is_main()) bench.map("MPIExecutor", executor);
  }
  farm::MPIPool pool;
  if (pool.is_main()) bench.map("MPIPool", pool);
}

}  // namespace

int main(int argc, char** argv) {
  std::string const source = argc == 2 ? argv[1] : "";
  bool const together = source == "together";
  farm::Runtime runtime{argc, argv, together ? farm::Ranks::take_part : farm::Ranks::serve};
  if (together) {
    by_all_ranks(Bench{"static"});
  } else {
    by_pools(Bench{source});
  }
}
