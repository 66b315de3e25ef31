// arrays MIB...: an array of so many MiB there and back through a task that multiplies it by 2, and what tasks with an
// argument of so many bytes cost when it travels with the message, and when it is staged once for all. One worker.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
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

/// Mapped: the result is looked at where it lies; else it is copied into a vector.
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

void by_size(farm::MPISpawnPool& pool, std::size_t bytes) {
  std::vector<double> const values(std::max<std::size_t>(bytes / sizeof(double), 1), 1.5);
  int const tasks = bytes > (1U << 20U) ? 50 : 2000;
  auto const rate = [&](auto run) {
    run(tasks / 10);
    return tasks / seconds([&] { run(tasks); });
  };
  auto const inline_rate = rate([&](int count) {
    static_cast<void>(pool.map(first_of_vector, std::vector(static_cast<std::size_t>(count), values)));
  });
  farm::Array<double> const array{values};
  auto const staged_rate = rate([&](int count) {
    static_cast<void>(pool.map(first_of_view, std::vector(static_cast<std::size_t>(count), array)));
  });
  fmt::print("argument_{}_inline_per_s {:.0f}\nargument_{}_staged_per_s {:.0f}\n", bytes, inline_rate, bytes,
             staged_rate);
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  pool.bootup();
  for (std::size_t const bytes : {0UL, 1UL << 10U, 1UL << 14U, 1UL << 17U, 1'000'000UL, 1UL << 23U})
    by_size(pool, bytes);
  for (int i = 1; i < argc; ++i)
    for (bool const mapped : {false, true}) there_and_back(pool, std::strtoul(argv[i], nullptr, 10), mapped);
}
