// Arrays as arguments and results of tasks.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <fmt/format.h>

#include <sys/resource.h>
#include <algorithm>
#include <chrono>
#include <complex>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using Field = farm::Array<double>;

/// Large enough for a file of its own.
constexpr std::uint64_t rows = 1001;
constexpr std::uint64_t columns = 64;

std::vector<double> ramp(std::uint64_t count = rows * columns) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 0.0);
  return values;
}

farm::Slab<double> scale(double factor, farm::Slab<double const> in, farm::Comm const& comm) {
  farm::Slab<double> out{comm, in.extents()};
  std::transform(in.begin(), in.end(), out.begin(), [=](double x) { return factor * x; });
  return out;
}

farm::Slab<double> make(std::uint64_t n, double value, farm::Comm const& comm) {
  farm::Slab<double> slab{comm, {n}};
  std::fill(slab.begin(), slab.end(), value);
  return slab;
}

double sum(farm::Slab<double const> const& in, farm::Comm const& comm) {
  double total = std::accumulate(in.begin(), in.end(), 0.0);
  MPI_Allreduce(MPI_IN_PLACE, &total, 1, MPI_DOUBLE, MPI_SUM, comm);
  return total;
}

double sum_of_rows(farm::Slab<double const> in) { return std::accumulate(in.begin(), in.end(), 0.0); }
double sum_of_vector(std::vector<double> const& all) { return std::accumulate(all.begin(), all.end(), 0.0); }
double sum_of_span(std::span<double const> all) { return std::accumulate(all.begin(), all.end(), 0.0); }
bool is_mapped(farm::View<double> const& all, farm::Slab<double const> const& mine) {
  return all.mapped() && mine.mapped();
}

std::size_t files_in_stage() {
  auto const* const run = farm::current_stage_run();
  REQUIRE(run != nullptr);
  std::size_t count = 0;
  for (auto const& entry : std::filesystem::directory_iterator{run->directory()}) {
    count += entry.path().extension() == ".h5" ? 1U : 0U;
  }
  return count;
}

/// Returns the number of spare files that a new array of so many bytes can take.
std::ptrdiff_t spare_files(std::uint64_t bytes) {
  std::error_code error;
  std::filesystem::directory_iterator const files{farm::current_stage_run()->directory() / "spare", error};
  return std::count_if(begin(files), end(files), [&](auto const& entry) {
    std::error_code gone;
    auto const size = entry.file_size(gone);
    return !gone && size >= bytes && size / 2 <= bytes;
  });
}

/// Returns true once `condition` holds; false if it does not hold after 10 s. The hub's thread may hold the last handle
/// to an array for a moment after the test's own handle is gone.
template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

bool stage_has(std::size_t files) {
  return comes_true([&] { return files_in_stage() == files; });
}

long peak_kibibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("each rank of a task takes its rows of an array, and the slabs that all ranks return form an array") {
  farm::MPISpawnPool pool{{.max_ranks = 3, .ranks_per_task = 3}};
  auto const in = farm::stage(ramp(), {rows, columns});
  farm::Future<Field> const future = pool.submit(scale, 2.0, in);
  Field const out = future.result();
  CHECK(out.extents() == farm::Extents{rows, columns});
  auto const values = out.read();
  auto expected = ramp();
  for (auto& x : expected) x *= 2;
  CHECK(values == expected);
  CHECK(out.view().mapped());
  CHECK(std::filesystem::exists(out.path()));
}

TEST_CASE("a task can take an array by rows, whole, as a view and as a span, and the caller can pass values instead") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const values = ramp();
  auto const total = std::accumulate(values.begin(), values.end(), 0.0);
  Field const array{values};
  CHECK(pool.submit(sum, array).result() == total);
  CHECK(pool.submit(sum, values).result() == total);
  CHECK(pool.submit(sum_of_vector, array).result() == total);
  CHECK(pool.submit(sum_of_span, array).result() == total);
  CHECK(pool.submit(is_mapped, array, array).result());
  auto const both = pool.submit(farm::all_ranks, sum_of_rows, array).result();
  CHECK(both[0] + both[1] == total);
  CHECK(both[0] < both[1]);
}

TEST_CASE("arrays pass from task to task, and are deleted with the last handle and future") {
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  auto const before = files_in_stage();
  {
    auto next = pool.submit(make, std::uint64_t{100'000}, 1.0);
    for (int i = 0; i < 5; ++i) next = pool.submit(scale, 2.0, next);
    CHECK(pool.submit(sum, next).result() == 3'200'000.0);
    CHECK(stage_has(before + 1));  // the intermediate arrays were deleted
  }
  CHECK(stage_has(before));
}

TEST_CASE("an array that a thousand tasks take is staged once") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  auto const before = files_in_stage();
  Field const array{ramp()};
  auto const total = sum_of_vector(ramp());
  auto const sums = pool.map(sum, std::vector<Field>(1000, array));
  CHECK(std::all_of(sums.begin(), sums.end(), [=](double each) { return each == total; }));
  CHECK(stage_has(before + 1));
}

TEST_CASE("small arrays have no file") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const before = files_in_stage();
  auto const small = pool.submit(make, std::uint64_t{10}, 3.0).result();
  CHECK(small.is_inline());
  CHECK(small.read() == std::vector<double>(10, 3.0));
  CHECK(pool.submit(sum, small).result() == 30.0);
  CHECK(stage_has(before));
}

TEST_CASE("an array of an existing file can be an argument, and the result of a task can be saved to a file") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const file = std::filesystem::current_path() / "field.h5";
  std::filesystem::remove(file);
  farm::stage(ramp(), {rows, columns}).save_as(file, "/temperature");
  auto const field = Field::open(file, "/temperature");
  auto const half = pool.submit(scale, 0.5, field).result();
  half.save_as(file, "/half");
  CHECK(Field::open(file, "/half").read({rows - 1, columns - 1}, {1, 1}) ==
        std::vector<double>{0.5 * static_cast<double>(rows * columns - 1)});
  CHECK(std::filesystem::exists(file));
}

TEST_CASE("the results of a map can be gathered as one dataset, whose first dimension is the task") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const file = std::filesystem::current_path() / "gathered.h5";
  std::filesystem::remove(file);
  std::vector<std::uint64_t> const sizes(3, 20'000);
  auto const parts = pool.map(make, sizes, std::vector{1.0, 2.0, 3.0});
  auto const all = farm::gather(parts, file, "/u");
  CHECK(all.extents() == farm::Extents{3, 20'000});
  CHECK(all.read({0, 7}, {3, 1}) == std::vector{1.0, 2.0, 3.0});
}

TEST_CASE("a rank that dies while its peers write fails its task, and leaves no file") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .max_losses = 1}};
  auto const before = files_in_stage();
  auto const die_before_writing = [](farm::Comm const& comm) {
    farm::Slab<double> slab{comm, {1'000'000}};
    if (comm.rank() == 1) raise(SIGKILL);
    return slab;
  };
  CHECK_THROWS_AS(pool.submit(die_before_writing).result(), farm::GroupLost);
  CHECK(pool.submit(sum, pool.submit(make, std::uint64_t{100'000}, 1.0)).result() == 100'000.0);
  CHECK(stage_has(before));
  auto const die_after_writing = [](farm::Comm const& comm) {
    farm::Slab<double> const slab{comm, {1'000'000}};
    static_cast<void>(farm::publish(comm, slab));
    if (comm.rank() == 0) raise(SIGKILL);
  };
  CHECK_THROWS_AS(pool.submit(die_after_writing).result(), farm::GroupLost);
  CHECK(pool.submit(sum, Field{ramp()}).result() == sum_of_vector(ramp()));  // on another group: the first one was lost
  CHECK(stage_has(before));
  for (auto const& entry : std::filesystem::directory_iterator{farm::current_stage_run()->directory()})
    CHECK(entry.path().extension() != ".part");
}

TEST_CASE("a missing or truncated file fails only the tasks that read it, and the error says what was found") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  Field const gone{ramp()};
  Field const cut{ramp()};
  std::filesystem::remove(gone.path());
  std::filesystem::resize_file(cut.path(), 5000);
  CHECK_THAT(error_of<farm::StageError>([&] { pool.submit(sum, gone).result(); }),
             contains(gone.path().string()) && !contains("of another type"));
  CHECK_THAT(error_of<farm::StageError>([&] { pool.submit(sum, cut).result(); }),
             contains(cut.path().string()) && !contains("of another type"));
  CHECK(pool.submit(sum, Field{ramp()}).result() == sum_of_vector(ramp()));
}

TEST_CASE("the master does not hold the data that tasks pass on") {
  constexpr std::uint64_t count = 32U << 20U;  // 256 MiB
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  CHECK(pool.submit(sum, pool.submit(make, std::uint64_t{100'000}, 1.0)).result() == 100'000.0);
  auto const before = peak_kibibytes();
  auto next = pool.submit(make, count, 1.0);
  for (int i = 0; i < 2; ++i) next = pool.submit(scale, 2.0, next);
  CHECK(pool.submit(sum, next).result() == 4.0 * static_cast<double>(count));
  CHECK(peak_kibibytes() - before < 32 * 1024);
}

TEST_CASE("elements may be complex, and of any arithmetic type") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const conjugate = [](farm::Slab<std::complex<double> const> in, farm::Comm const& comm) {
    farm::Slab<std::complex<double>> out{comm, in.extents()};
    for (std::size_t i = 0; i < in.size(); ++i) out[i] = std::conj(in[i]);
    return out;
  };
  std::vector<std::complex<double>> const values(10'000, {1, 2});
  CHECK(pool.submit(conjugate, values).result().read() == std::vector<std::complex<double>>(10'000, {1, -2}));
}

TEST_CASE("a large vector that a task returns is staged automatically, and need not be read") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const before = files_in_stage();
  {
    auto const large = pool.submit([](std::size_t n) { return std::vector<double>(n, 2.0); }, std::size_t{1'000'000});
    auto const array = farm::as_array(large);
    CHECK(stage_has(before + 1));
    CHECK(pool.submit(sum, array).result() == 2'000'000.0);
    CHECK(large.result() == std::vector<double>(1'000'000, 2.0));
  }
  CHECK(stage_has(before));
  auto const small = pool.submit([](std::size_t n) { return std::vector<double>(n, 2.0); }, std::size_t{10});
  CHECK(small.result() == std::vector<double>(10, 2.0));
  CHECK(farm::as_array(small).is_inline());
  auto const each =
      pool.submit(farm::all_ranks, [](farm::Comm const& comm) { return std::vector<int>(3, comm.rank()); });
  CHECK(each.result() == std::vector<std::vector<int>>{{0, 0, 0}, {1, 1, 1}});
  CHECK(pool.map([](int n) { return std::vector<float>(2'000'000, static_cast<float>(n)); }, std::vector{1, 2}).at(1) ==
        std::vector<float>(2'000'000, 2.0F));
}

TEST_CASE("slabs of tasks reuse the files of deleted arrays, and become arrays without being written again") {
  constexpr std::uint64_t count = 1'000'003;
  farm::MPISpawnPool pool{{.max_ranks = 3, .ranks_per_task = 3}};
  auto const make_mapped = [](double value, farm::Comm const& comm) {
    farm::Slab<double> unused{comm, {count}};
    farm::Slab<double> slab{comm, {count}};
    bool const zero = std::all_of(slab.begin(), slab.end(), [](double x) { return x == 0; });
    std::fill(slab.begin(), slab.end(), zero && slab.mapped() ? value : -1);
    return slab;
  };
  {
    std::vector<farm::Future<Field>> some;
    for (int i = 0; i < 3; ++i) some.push_back(pool.submit(make, count, 5.0));
    for (auto const& each : some) CHECK(each.result().read() == std::vector<double>(count, 5.0));
  }
  auto const two_are_spare = [] { return spare_files(count * sizeof(double)) >= 2; };  // as many as a task takes
  REQUIRE(comes_true(two_are_spare));
  auto const before = files_in_stage();
  for (int i = 1; i <= 5; ++i) {
    REQUIRE(comes_true(two_are_spare));
    auto const array = pool.submit(make_mapped, 1.0 * i).result();
    CHECK(array.read() == std::vector<double>(count, i));
    CHECK(pool.submit(sum, array).result() == 1.0 * i * static_cast<double>(count));
  }
  CHECK(stage_has(before));
}

TEST_CASE("ranks that make different slabs, or slabs of a smaller communicator, each get their own") {
  constexpr std::uint64_t count = 500'000;
  farm::MPISpawnPool pool{{.max_ranks = 3, .ranks_per_task = 3}};
  { auto const warm = pool.map(make, std::vector<std::uint64_t>(6, count), std::vector<double>(6, 5.0)); }
  auto const uneven = [](farm::Comm const& comm) {
    MPI_Comm part = MPI_COMM_NULL;
    MPI_Comm_split(comm, comm.rank() == 0 ? 0 : 1, 0, &part);
    farm::Slab<double> of_part{part, {count}};
    std::fill(of_part.begin(), of_part.end(), 100.0 + comm.rank());
    farm::Slab<double> first{comm, {count}};
    std::fill(first.begin(), first.end(), 1.0);
    farm::Slab<double> result;
    if (comm.rank() == 1) {
      farm::Slab<double> second{comm, {count}};
      std::fill(second.begin(), second.end(), 2.0);
      result = std::move(second);
    } else {
      result = std::move(first);
    }
    bool const intact = std::all_of(of_part.begin(), of_part.end(), [&](double x) { return x == 100.0 + comm.rank(); });
    MPI_Comm_free(&part);
    if (!intact) std::fill(result.begin(), result.end(), -1.0);
    return result;
  };
  for (int i = 0; i < 3; ++i) {
    auto const values = pool.submit(uneven).result().read();
    farm::Decomposition const rows_of{count, 3};
    CHECK(values[0] == 1.0);
    CHECK(values[rows_of.first_row_of(1)] == 2.0);
    CHECK(values[count - 1] == 1.0);
  }
}

TEST_CASE("rows that a rank keeps are not overwritten by a later task") {
  constexpr std::uint64_t count = 1'000'000;
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  static farm::Slab<double const> kept;
  auto const remember = [](farm::Slab<double const> in) { kept = in; };
  auto const recall = [] { return kept[0] + kept[count - 1]; };
  pool.submit(remember, pool.submit(make, count, 3.0)).result();
  for (int i = 0; i < 4; ++i) static_cast<void>(pool.submit(make, count, 7.0).result());
  CHECK(pool.submit(recall).result() == 6.0);
}

TEST_CASE("a large vector passes to tasks that take vectors, rows and views without the master reading it") {
  constexpr std::size_t count = 16U << 20U;  // 128 MiB
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const ones = [](std::size_t n) { return std::vector<double>(n, 1.0); };
  auto const view_sum = [](farm::View<double> const& all) { return std::accumulate(all.begin(), all.end(), 0.0); };
  CHECK(pool.submit(sum_of_vector, pool.submit(ones, std::size_t{100})).result() == 100.0);
  CHECK(pool.submit([](auto const& all) { return all.size(); }, pool.submit(ones, std::size_t{100})).result() == 100);
  auto const before = peak_kibibytes();
  auto const large = pool.submit(ones, count);
  CHECK(pool.submit(sum_of_vector, large).result() == static_cast<double>(count));
  CHECK(pool.submit(sum_of_span, large).result() == static_cast<double>(count));
  CHECK(pool.submit(sum, large).result() == static_cast<double>(count));
  CHECK(pool.submit(view_sum, large).result() == static_cast<double>(count));
  CHECK(peak_kibibytes() - before < 32 * 1024);
  auto const here = large.then([](std::vector<double> all) { return std::vector<double>(all.size() / 2, 2.0); });
  CHECK(pool.submit(sum_of_vector, here).result() == static_cast<double>(count));
}
