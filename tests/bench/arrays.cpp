// arrays MIB...: measures, with one worker, an array of MIB MiB there and back through a task that multiplies it by 2;
// tasks with arguments and results of several sizes, in the message or staged; and for each MIB the memory of the
// master, and of a rank besides its slabs, while tasks pass such arrays on.
#include "tests/io/memory.hpp"

#include <farm/farm.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

farm::Slab<double> twice(farm::Slab<double const> in, farm::Comm const& comm) {
  farm::Slab<double> out{comm, in.extents(), farm::uninitialized};
  std::transform(in.begin(), in.end(), out.begin(), [](double x) { return 2 * x; });
  return out;
}

double first_of_vector(std::vector<double> const& values) { return values[0]; }
double first_of_view(farm::View<double> const& values) { return values.data()[0]; }

template <class F>
double seconds(F f) {
  auto const start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Sends an array there and back. Reads the result by copy() if `mapped`, else into a vector.
void there_and_back(farm::MPISpawnPool& pool, std::size_t mib, bool mapped) {
  std::vector<double> const values((mib << 20U) / sizeof(double), 1.5);
  auto const check = [](auto const& back, std::size_t size) {
    if (back.data()[0] != 3.0 || back.data()[size - 1] != 3.0) throw std::logic_error("wrong result");
  };
  double best = 1e9;
  for (int i = 0; i < 4; ++i) {
    best = std::min(best, seconds([&] {
                      auto const back = pool.submit(twice, farm::stage(values, {values.size()})).result();
                      if (mapped)
                        check(back.copy(), values.size());
                      else
                        check(back.read(), values.size());
                    }));
  }
  fmt::print("array_{}{}_mib_per_s {:.1f}\n", mib, mapped ? "_mapped" : "", static_cast<double>(mib) / best);
}

farm::Slab<double> ones(std::size_t size, farm::Comm const& comm) {
  farm::Slab<double> out{comm, {size}, farm::uninitialized};
  std::fill(out.begin(), out.end(), 1.0);
  return out;
}

std::optional<MemoryPeak> peak;  // a rank's, kept from one task to the next

/// Measures peak memory as the kernel counts it, with mapped files. The rank's figure excludes its two slabs.
void memory(farm::MPISpawnPool& pool, std::size_t mib) {
  auto const size = (mib << 20U) / sizeof(double);
  auto const hand_on = [&] { return pool.submit(twice, pool.submit(ones, size)).result(); };
  static_cast<void>(hand_on());
  auto const array = pool.submit(ones, size).result();
  MemoryPeak const own;
  pool.submit([] { peak.emplace(); }).result();
  auto const result = pool.submit(twice, array).result();
  auto const of_rank = pool.submit([] { return peak->growth(); }).result();
  fmt::print("array_{}_master_mib {:.1f}\narray_{}_rank_mib {:.1f}\n", mib,
             static_cast<double>(own.growth()) / mebibyte, mib,
             static_cast<double>(of_rank) / mebibyte - 2 * static_cast<double>(mib));
}

std::vector<double> vector_of(std::size_t count) { return std::vector<double>(count, 1.5); }
farm::Array<double> array_of(std::size_t count) {
  return farm::stage(std::vector<double>(count, 1.5), {count}, {.threshold = 0});
}

/// Measures tasks per second with an argument in the message, staged once for all tasks, and staged for each task; and
/// with a result in the message, and staged and read.
void by_size(farm::MPISpawnPool& pool, std::size_t bytes) {
  auto const size = std::max<std::size_t>(bytes / sizeof(double), 1);
  std::vector<double> const values(size, 1.5);
  std::size_t const tasks = bytes > (1U << 20U) ? 20 : bytes > (1U << 14U) ? 100 : 1000;
  auto const tell = [&](char const* what, char const* how, auto run) {
    run(tasks / 10 + 1);
    fmt::print("{}_{}_{}_per_s {:.0f}\n", what, bytes, how, static_cast<double>(tasks) / seconds([&] { run(tasks); }));
  };
  tell("argument", "inline",
       [&](std::size_t count) { static_cast<void>(pool.map(first_of_vector, std::vector(count, values))); });
  tell("argument", "staged", [&](std::size_t count) {
    farm::Array<double> const array = farm::stage(values, {size}, {.threshold = 0});
    static_cast<void>(pool.map(first_of_view, std::vector(count, array)));
  });
  tell("argument", "each", [&](std::size_t count) {
    std::vector<farm::Future<double>> futures;
    for (std::size_t i = 0; i < count; ++i)
      futures.push_back(pool.submit(first_of_view, farm::stage(values, {size}, {.threshold = 0})));
    for (auto const& future : futures) static_cast<void>(future.result());
  });
  tell("result", "inline", [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) static_cast<void>(pool.submit(vector_of, size).result());
  });
  tell("result", "staged", [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) static_cast<void>(pool.submit(array_of, size).result().read());
  });
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  pool.bootup();
  for (unsigned const power : {0U, 10U, 14U, 16U, 17U, 18U, 20U, 22U, 23U}) by_size(pool, std::size_t{1} << power);
  for (int i = 1; i < argc; ++i) {
    auto const mib = std::strtoul(argv[i], nullptr, 10);
    for (bool const mapped : {false, true}) there_and_back(pool, mib, mapped);
    memory(pool, mib);
  }
}
