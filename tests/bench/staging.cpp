// What an array costs that 2 ranks write to the stage and read from it, against the same bytes by pwrite, pread and
// mmap of the same ranks. Arguments: NAME=DIRECTORY ..., for example shm=/dev/shm disk=/var/tmp. In milliseconds, of
// the slower rank.
#include <farm/array.hpp>
#include <farm/publish.hpp>

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
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int repetitions = 3;
constexpr std::uint64_t columns = 1024;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;

int rank = 0;
volatile double sink = 0;  // what is read is used

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

/// This rank's part of a plain file.
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

using Times = std::array<std::vector<double>, 8>;
constexpr std::array<std::string_view, 8> names{"stage_write", "raw_write",    "stage_write_unchecked", "stage_read",
                                                "raw_read",    "stage_mapped", "stage_mapped_again",    "raw_mapped"};

void measure_once(std::filesystem::path const& directory, farm::Slab<double> const& slab, Times& times) {
  auto const bytes = slab.size() * sizeof(double);
  Raw const raw{directory / "farm-bench-raw", bytes};
  auto const remove = [](std::filesystem::path const& path) {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) std::filesystem::remove(path);
    MPI_Barrier(MPI_COMM_WORLD);
  };
  auto const publish = [&](bool checksum) {
    return farm::publish(MPI_COMM_WORLD, slab, {.directory = directory, .threshold = 0, .checksum = checksum});
  };
  farm::Array<double> array;
  times[2].push_back(time_of([&] { array = publish(false); }));
  remove(array.path());
  times[1].push_back(time_of([&] { raw.write(slab.data()); }));
  times[4].push_back(time_of([&] {
    std::vector<double> values(slab.size());
    raw.read(values.data());
  }));
  times[7].push_back(time_of([&] { raw.sum(); }));
  remove(raw.path);
  times[0].push_back(time_of([&] { array = publish(true); }));
  times[5].push_back(time_of([&] {
    auto const mine = array.slab(MPI_COMM_WORLD);
    sink = std::accumulate(mine.begin(), mine.end(), 0.0);
  }));
  times[6].push_back(time_of([&] {
    auto const mine = array.slab(MPI_COMM_WORLD);
    sink = std::accumulate(mine.begin(), mine.end(), 0.0);
  }));
  remove(array.path());
  array = publish(true);
  times[3].push_back(time_of([&] { sink = array.read({slab.first_row(), 0}, slab.local_extents())[0]; }));
  remove(array.path());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(std::string_view where, std::filesystem::path const& directory, std::uint64_t mib) {
  farm::Slab<double> slab{MPI_COMM_WORLD, {mib * mebibyte / sizeof(double) / columns, columns}};
  std::iota(slab.begin(), slab.end(), static_cast<double>(slab.first_row()));
  Times times;
  for (int i = 0; i < repetitions; ++i) measure_once(directory, slab, times);
  if (rank != 0) return;
  for (std::size_t i = 0; i < names.size(); ++i)
    fmt::print("{}_{}_{}MiB_ms {:.3f}\n", names[i], where, mib, median(times[i]));
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
