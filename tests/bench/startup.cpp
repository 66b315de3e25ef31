// startup SCRATCH_FILE: prints when 8 groups of 2 ranks have returned their first results.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

namespace {

constexpr int groups = 8;

/// Ends when every group has started a task, so that no group gets two. The file counts the started tasks.
int first_task(std::string const& path, farm::Comm const& comm) {
  if (comm.rank() != 0) return 0;
  int const file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || write(file, "+", 1) != 1) throw std::system_error(errno, std::generic_category(), path);
  struct stat status {};
  while (fstat(file, &status) == 0 && status.st_size < groups) usleep(500);
  close(file);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  if (argc != 2) return 2;
  farm::MPISpawnPool pool{{.max_ranks = 2 * groups, .ranks_per_task = 2}};
  std::vector<farm::Future<int>> results;
  results.reserve(groups);
  for (int i = 0; i < groups; ++i) results.push_back(pool.submit(first_task, std::string{argv[1]}));
  int sum = 0;
  for (auto const& result : results) sum += result.result();
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  fmt::print("first_results_at {}\n", std::chrono::nanoseconds{now}.count());
  return sum == groups ? 0 : 1;
}
