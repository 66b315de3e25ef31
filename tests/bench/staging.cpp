// staging NAME=DIRECTORY...: measures an array that 2 ranks write to the stage and read from it, and the same bytes by
// pwrite, pread and mmap, in milliseconds of the slower rank. Both write to a new file, and to one that exists, as the
// stage does after arrays are released. Example: staging shm=/dev/shm disk=/var/tmp
#include <farm/array.hpp>
#include <farm/publish.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int repetitions = 3;
constexpr std::uint64_t columns = 1024;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;

int rank = 0;
volatile double sink = 0;  // keeps the compiler from removing the reads

double ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double time_of(std::function<void()> const& f) {
  MPI_Barrier(MPI_COMM_WORLD);
  double const begin = ms();
  f();
  double const own = ms() - begin;
  double slowest = 0;
  MPI_Allreduce(&own, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return slowest;
}

void fail_unless(bool good, char const* what) {
  if (good) return;
  std::perror(what);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

/// This rank's part of a plain file, accessed without the stage.
struct Raw {
  std::string path;
  std::uint64_t bytes = 0;
  [[nodiscard]] off_t offset() const { return static_cast<off_t>(bytes * static_cast<std::uint64_t>(rank)); }

  void write(void const* from) const {
    int const file = open(path.c_str(), O_RDWR | O_CREAT, 0600);
    for (std::uint64_t done = 0; done < bytes;) {
      auto const n =
          pwrite(file, static_cast<char const*>(from) + done, bytes - done, offset() + static_cast<off_t>(done));
      fail_unless(n > 0, "pwrite");
      done += static_cast<std::uint64_t>(n);
    }
    close(file);
  }
  void read(void* to) const {
    int const file = open(path.c_str(), O_RDONLY);
    for (std::uint64_t done = 0; done < bytes;) {
      auto const n = pread(file, static_cast<char*>(to) + done, bytes - done, offset() + static_cast<off_t>(done));
      fail_unless(n > 0, "pread");
      done += static_cast<std::uint64_t>(n);
    }
    close(file);
  }
  void sum() const {
    int const file = open(path.c_str(), O_RDONLY);
    void* const pages = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, offset());
    fail_unless(pages != MAP_FAILED, "mmap");
    auto const* const values = static_cast<double const*>(pages);
    sink = std::accumulate(values, values + bytes / sizeof(double), 0.0);
    munmap(pages, bytes);
    close(file);
  }
};

using Times = std::map<std::string_view, std::vector<double>>;

void barrier() { MPI_Barrier(MPI_COMM_WORLD); }

double sum_of(farm::Slab<double const> const& slab) { return std::accumulate(slab.begin(), slab.end(), 0.0); }

/// Measures plain files.
void measure_raw(std::filesystem::path const& directory, farm::Slab<double> const& slab, Times& times) {
  auto const measure = [&](std::string_view name, auto const& f) { times[name].push_back(time_of(f)); };
  Raw const raw{directory / "farm-bench-raw", slab.size() * sizeof(double)};
  measure("raw_write", [&] { raw.write(slab.data()); });
  measure("raw_rewrite", [&] { raw.write(slab.data()); });
  measure("raw_read", [&] {
    std::vector<double> values(slab.size());
    raw.read(values.data());
    sink = values[0];
  });
  measure("raw_read_and_sum", [&] {
    std::vector<double> values(slab.size());
    raw.read(values.data());
    sink = std::accumulate(values.begin(), values.end(), 0.0);
  });
  measure("raw_mapped", [&] { raw.sum(); });
  barrier();
  if (rank == 0) std::filesystem::remove(raw.path);
  barrier();
}

/// Measures the stage, in a run of its own, so that the first array cannot reuse a file.
void measure_stage(std::filesystem::path const& directory, farm::Slab<double> const& slab, Times& times) {
  auto const measure = [&](std::string_view name, auto const& f) { times[name].push_back(time_of(f)); };
  std::optional<farm::StageRun> run;
  std::array<char, 4096> path{};
  if (rank == 0) {
    farm::set_stage_run(&run.emplace(farm::StageRun::Options{.stage_directory = directory}));
    run->directory().string().copy(path.data(), path.size() - 1);
  }
  MPI_Bcast(path.data(), static_cast<int>(path.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
  if (rank != 0) farm::set_stage_directory(path.data());
  auto const publish = [&](bool checksum = true) {
    return farm::publish(MPI_COMM_WORLD, slab, {.threshold = 0, .checksum = checksum});
  };
  farm::Array<double> array;
  auto const let_go = [&] {
    array = {};
    barrier();
  };
  measure("stage_write", [&] { array = publish(); });
  measure("stage_mapped", [&] { sink = sum_of(array.slab(MPI_COMM_WORLD)); });
  measure("stage_mapped_again", [&] { sink = sum_of(array.slab(MPI_COMM_WORLD)); });
  let_go();
  measure("stage_rewrite", [&] { array = publish(); });
  measure("stage_read", [&] { sink = array.read({slab.first_row(), 0}, slab.local_extents())[0]; });
  let_go();
  measure("stage_rewrite_unchecked", [&] { array = publish(false); });
  let_go();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(std::string_view where, std::filesystem::path const& directory, std::uint64_t mib) {
  farm::Slab<double> slab{MPI_COMM_WORLD, {mib * mebibyte / sizeof(double) / columns, columns}};
  std::iota(slab.begin(), slab.end(), static_cast<double>(slab.first_row()));
  Times times;
  for (int i = 0; i < repetitions; ++i) {
    measure_raw(directory, slab, times);
    measure_stage(directory, slab, times);
  }
  if (rank != 0) return;
  for (auto const& [name, all] : times) fmt::print("{}_{}_{}MiB_ms {:.3f}\n", name, where, mib, median(all));
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (int i = 1; i < argc; ++i) {
    std::string_view const argument{argv[i]};
    auto const equals = argument.find('=');
    for (std::uint64_t const mib : {1U, 16U, 256U, 1024U})
      measure(argument.substr(0, equals), argument.substr(equals + 1), mib);
  }
  MPI_Finalize();
}
