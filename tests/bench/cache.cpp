// cache: measures how many results per second come from a cache, beside running a task that does nothing and beside
// reading a small file; how many are kept; and the time to take an array of 64 MiB from a cache.
#include <farm/farm.hpp>

#include "tests/bench/measure.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr int tasks = 10'000;
constexpr int rounds = 3;
constexpr std::size_t elements = std::size_t{8} << 20U;

int nothing(int i) { return i; }
farm::Array<double> field(int i) { return farm::stage(std::vector<double>(elements, i), {elements}); }

std::vector<int> inputs() {
  std::vector<int> all(tasks);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Returns how many tasks per second are submitted and done.
double rate_of_submit(farm::MPISpawnPool& pool, farm::TaskOptions const& options) {
  auto const begin = bench::wall_us();
  std::vector<farm::Future<int>> futures;
  futures.reserve(tasks);
  for (int i = 0; i < tasks; ++i) futures.push_back(pool.submit(options, nothing, i));
  for (auto const& future : futures) static_cast<void>(future.result());
  return tasks / (bench::wall_us() - begin) * 1e6;
}

double rate_of_map(farm::MPISpawnPool& pool, bool cached) {
  auto const begin = bench::wall_us();
  static_cast<void>(pool.map(nothing, inputs(), {.chunksize = 100, .task = {.cache = cached}}));
  return tasks / (bench::wall_us() - begin) * 1e6;
}

/// Returns how many small files per second are opened, read and closed.
double rate_of_reading(fs::path const& directory) {
  fs::create_directories(directory);
  for (int i = 0; i < tasks; ++i) std::ofstream{directory / std::to_string(i)} << std::string(200, 'x');
  std::array<char, 4096> buffer{};
  auto const begin = bench::wall_us();
  for (int i = 0; i < tasks; ++i) {
    int const file = open((directory / std::to_string(i)).c_str(), O_RDONLY | O_CLOEXEC);
    if (read(file, buffer.data(), buffer.size()) != 200) fmt::print(stderr, "a file cannot be read\n");
    close(file);
  }
  return tasks / (bench::wall_us() - begin) * 1e6;
}

double milliseconds_of_array(farm::MPISpawnPool& pool, int i) {
  auto const begin = bench::wall_us();
  static_cast<void>(pool.submit(farm::TaskOptions{.cache = true}, field, i).result());
  return (bench::wall_us() - begin) / 1e3;
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime const runtime{argc, argv};
  auto const directory = fs::temp_directory_path() / fmt::format("bench-cache-{}", getpid());
  farm::TaskOptions const cached{.cache = true};
  std::vector<double> runs, kept, hits, map_runs, map_hits, files, array_runs, array_hits;
  for (int round = 0; round < rounds; ++round) {
    farm::MPISpawnPool pool{{.max_ranks = 2, .cache_directory = directory / std::to_string(round)}};
    static_cast<void>(rate_of_submit(pool, {}));  // starts the groups
    runs.push_back(rate_of_submit(pool, {}));
    kept.push_back(rate_of_submit(pool, cached));
    hits.push_back(rate_of_submit(pool, cached));
    map_runs.push_back(rate_of_map(pool, false));
    map_hits.push_back(rate_of_map(pool, true));
    files.push_back(rate_of_reading(directory / "files"));
    array_runs.push_back(milliseconds_of_array(pool, round));
    array_hits.push_back(milliseconds_of_array(pool, round));
  }
  fs::remove_all(directory);
  fmt::print("uncached_per_s {:.0f}\ncache_kept_per_s {:.0f}\ncache_found_per_s {:.0f}\n", bench::median(runs),
             bench::median(kept), bench::median(hits));
  fmt::print("uncached_chunked_per_s {:.0f}\ncache_found_chunked_per_s {:.0f}\nsmall_files_per_s {:.0f}\n",
             bench::median(map_runs), bench::median(map_hits), bench::median(files));
  fmt::print("cache_array_made_ms {:.1f}\ncache_array_found_ms {:.1f}\n", bench::median(array_runs),
             bench::median(array_hits));
}
