// Ranks are killed at different points between their start and their end: the task runs again on another group, and
// nothing hangs.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

/// A file that gives true to the first process that asks for it.
class Once {
 public:
  Once()
      : path_(std::filesystem::temp_directory_path() /
              ("farm-once-" + std::to_string(getpid()) + "-" + std::to_string(next_++))) {
    std::ofstream{path_} << "";
  }
  ~Once() { std::filesystem::remove(path_); }
  Once(Once const&) = delete;
  Once& operator=(Once const&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] static bool mine(std::string const& path) { return unlink(path.c_str()) == 0; }

 private:
  static inline int next_ = 0;
  std::filesystem::path path_;
};

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

int sum_of_ranks(int i, farm::Comm const& comm) {
  int const mine = i + comm.rank();
  int sum = 0;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

void check_works(farm::MPISpawnPool& pool) {
  for (int i = 0; i < 10; ++i) CHECK(pool.submit(sum_of_ranks, i).result() == 2 * i + 1);
}

/// Returns true if a socket of this process holds an answer of which the master has not read all.
bool is_answering() {
  for (int descriptor = 3; descriptor < 64; ++descriptor) {
    int unread = 0;
    if (ioctl(descriptor, SIOCOUTQ, &unread) == 0 && unread > 50'000) return true;
  }
  return false;
}

/// True if this process is to die in its next collective call. A task sets it.
bool armed = false;  // NOLINT: read by the functions below, which replace those of MPI

int die_when_mpi_is_finalized(MPI_Comm /*comm*/, int /*key*/, void* /*value*/, void* /*state*/) { die(); }

}  // namespace

// Replace the library's functions, as the profiling interface of MPI allows.
#define FARM_DIES_IN(name, parameters, arguments) \
  extern "C" int name parameters {                \
    if (armed) die();                             \
    return P##name arguments;                     \
  }
FARM_DIES_IN(MPI_Barrier, (MPI_Comm comm), (comm))
FARM_DIES_IN(MPI_Bcast, (void* data, int count, MPI_Datatype type, int root, MPI_Comm comm),
             (data, count, type, root, comm))
FARM_DIES_IN(MPI_Allreduce, (void const* in, void* out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
             (in, out, count, type, op, comm))
#undef FARM_DIES_IN

TEST_CASE("a rank that dies in an initializer is replaced with its group") {
  Once const once;
  farm::MPISpawnPool pool{{.max_ranks = 2,
                           .ranks_per_task = 2,
                           .initializer = farm::initializer(
                               [](std::string const& path, farm::Comm const& comm) {
                                 if (comm.rank() == 1 && Once::mine(path)) die();
                                 return 0;
                               },
                               once.path())}};
  check_works(pool);
  CHECK(pool.statistics().groups == 1);
}

TEST_CASE("after a rank dies between tasks, the next task runs on another group") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const processes = pool.submit(farm::all_ranks, [] { return getpid(); }).result();
  kill(processes[1], SIGKILL);
  check_works(pool);
  CHECK(pool.submit(farm::all_ranks, [] { return getpid(); }).result()[0] != processes[0]);
}

TEST_CASE("if a rank dies while it sends an answer, the part that arrived is not taken for a result") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const task = [](farm::TaskContext const& context) {
    if (context.attempt() == 1 && context.rank() == 0) {
      std::thread{[] {
        while (!is_answering()) {
        }
        die();
      }}.detach();
    }
    return std::string(300'000'000, static_cast<char>('0' + context.attempt()));
  };
  auto const value = pool.submit(task).result();
  CHECK(value.size() == 300'000'000);
  CHECK(std::count(value.begin(), value.end(), '2') == 300'000'000);
  CHECK(pool.statistics().groups_lost == 1);
}

TEST_CASE("if a rank dies while its group publishes an array, the next attempt publishes the whole array") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const task = [](farm::TaskContext const& context, farm::Comm const& comm) {
    farm::Slab<double> slab{comm, {std::uint64_t{1} << 23U}};
    std::iota(slab.begin(), slab.end(), static_cast<double>(slab.first_row()));
    armed = context.attempt() == 1 && context.rank() == 1;
    return slab;
  };
  auto const array = pool.submit(task).result();
  auto const values = array.read();
  REQUIRE(values.size() == std::size_t{1} << 23U);
  CHECK(values[1] == 1);
  CHECK(values.back() == static_cast<double>(values.size() - 1));
  CHECK(pool.statistics().groups_lost == 1);
}

TEST_CASE("a pool ends even if a rank dies while it finalizes MPI") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  pool.submit([](farm::Comm const& comm) {
        if (comm.rank() == 0) return;
        int key = 0;
        MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, &die_when_mpi_is_finalized, &key, nullptr);
        MPI_Comm_set_attr(MPI_COMM_SELF, key, nullptr);
      })
      .result();
  pool.shutdown();
  farm::MPISpawnPool next{{.max_ranks = 2, .ranks_per_task = 2}};
  check_works(next);
}
