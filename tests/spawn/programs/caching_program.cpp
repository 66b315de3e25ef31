// caching_program COUNT: runs so many tasks, whose results are kept in the directory "cache". outside_cache.cpp starts
// it. It is built several times, with other versions of the function, and as other builds of the same version.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

/// Notes that it has run in a file of its own. The last ones do not end as long as there is a file "hold".
int work(int i) {
  std::ofstream{fmt::format("ran-{}", i), std::ios::app} << "x" << std::flush;
  do std::this_thread::sleep_for(std::chrono::milliseconds{5});
  while (i >= 90 && std::filesystem::exists("hold"));
  return FARM_TEST_FACTOR * i;
}
#ifdef FARM_TEST_VERSION
FARM_TASK_VERSION(work, FARM_TEST_VERSION)
#endif

int main(int argc, char** argv) {
  farm::Runtime const runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 2, .cache_directory = "cache"}};
  std::vector<farm::Future<int>> all;
  for (int i = 0; i < std::atoi(argv[1]); ++i) all.push_back(pool.submit(farm::TaskOptions{.cache = true}, work, i));
  for (std::size_t i = 0; i < all.size(); ++i) {
    fmt::print("{} {}\n", i, all[i].result());
    std::fflush(stdout);
  }
  fmt::print("cached {}\n", pool.statistics().cached);
}
