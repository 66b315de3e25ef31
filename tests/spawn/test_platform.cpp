// How ranks are started: their binding, directory, environment, options, and number.
#include <farm/farm.hpp>

#include "spawn/limits/cores.hpp"
#include "spawn/platform/platform.hpp"
#include "tests/spawn/captured.hpp"
#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <fmt/format.h>

#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;
using farm::detail::core_count;

namespace {

/// Returns the cores that this process may use.
std::vector<int> cores() {
  cpu_set_t set;
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<std::size_t>(i), &set)) cores.push_back(i);
  }
  return cores;
}

std::string variable(std::string const& name) {
  char const* const value = getenv(name.c_str());
  return value != nullptr ? value : "(unset)";
}

std::string directory() { return std::filesystem::current_path().string(); }

std::string content(std::filesystem::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

bool is_singleton() { return getenv("OMPI_UNIVERSE_SIZE") == nullptr; }

/// Counts the ranks that are alive: children of guards, with this mark in their environment.
std::size_t living_ranks(std::string const& mark) {
  std::set<std::string> guards;
  std::vector<std::string> parents;
  std::error_code error;
  for (auto const& entry : std::filesystem::directory_iterator{"/proc", error}) {
    auto const name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (content(entry.path() / "environ").find(mark) == std::string::npos) continue;
    auto const stat = content(entry.path() / "stat");  // pid (name) state parent ...
    auto const end = stat.rfind(") ");
    if (end == std::string::npos) continue;
    if (stat.find("(farm-guard)") != std::string::npos) {
      guards.insert(name);
    } else {
      parents.push_back(stat.substr(end + 4, stat.find(' ', end + 4) - end - 4));
    }
  }
  return static_cast<std::size_t>(
      std::count_if(parents.begin(), parents.end(), [&](auto const& parent) { return guards.contains(parent); }));
}

}  // namespace

TEST_CASE("with bind = false neither the master nor the ranks of any group are bound to a core") {
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2, .tasks_per_group = 1, .workers = {.bind = false}}};
  CHECK(static_cast<long>(cores().size()) == sysconf(_SC_NPROCESSORS_ONLN));
  for (int i = 0; i < 3; ++i) CHECK(pool.submit(farm::all_ranks, cores).result() == std::vector{cores(), cores()});
  farm::MPISpawnPool single{{.max_ranks = 2, .workers = {.bind = false}}};
  for (auto const& each : single.map([](int) { return cores(); }, std::vector{1, 2, 3})) CHECK(each == cores());
}

TEST_CASE("ranks do not search for fabrics that do not exist") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const mtl = pool.submit(variable, std::string{"OMPI_MCA_mtl"}).result();
  if (farm::detail::has_fabric()) {
    CHECK(mtl == "(unset)");
  } else {
    CHECK_THAT(mtl, contains("^") && contains("psm,psm2"));
  }
}

TEST_CASE("ranks yield while they wait in MPI if the ranks of all pools outnumber the cores", "[spawned]") {
  std::string const name = "OMPI_MCA_mpi_yield_when_idle";
  auto const expected = [](int ranks) { return ranks > core_count() ? "1" : "(unset)"; };
  farm::MPISpawnPool one{{.max_ranks = 1}};
  CHECK(one.submit(variable, name).result() == expected(1));
  farm::MPISpawnPool three{{.max_ranks = 3}};
  CHECK(three.submit(variable, name).result() == expected(3));
  farm::MPISpawnPool two{{.max_ranks = 2, .ranks_per_task = 2}};
  two.bootup();
  CHECK(two.submit(variable, name).result() == expected(is_singleton() ? 4 : 3));
}

TEST_CASE("ranks start in the master's directory, or in working_directory") {
  CHECK(farm::MPISpawnPool{{.max_ranks = 1}}.submit(directory).result() == directory());
  Scratch const scratch{"wdir"};
  farm::MPISpawnPool pool{
      {.max_ranks = 2, .ranks_per_task = 2, .workers = {.working_directory = scratch.path.string()}}};
  CHECK(pool.submit(farm::all_ranks, directory).result() == std::vector(2, scratch.path.string()));
}

TEST_CASE("ranks have the master's environment, and what the options add") {
  farm::MPISpawnPool pool{
      {.max_ranks = 1,
       .workers = {
           .environment = {{"FARM_TEST_A", "1"}, {"FARM_TEST_B", "b = 2, \"3\"; x"}, {"OMP_NUM_THREADS", "7"}}}}};
  CHECK(pool.submit(variable, std::string{"FARM_TEST_A"}).result() == "1");
  CHECK(pool.submit(variable, std::string{"FARM_TEST_B"}).result() == "b = 2, \"3\"; x");
  CHECK(pool.submit(variable, std::string{"OMP_NUM_THREADS"}).result() == "7");
  CHECK(pool.submit(variable, std::string{"PATH"}).result() == variable("PATH"));
  CHECK(pool.submit(variable, std::string{"FARM_WORKER"}).result() ==
        "(unset)");  // programs that a task starts are not ranks
}

TEST_CASE("an environment that cannot be passed on is refused, in one line that says why; a long one is passed on") {
  using Environment = std::map<std::string, std::string>;
  auto const refusal = [](Environment const& environment) {
    return error_of([&] { farm::MPISpawnPool const pool{{.max_ranks = 1, .workers = {.environment = environment}}}; });
  };
  CHECK_THAT(refusal({{"A", "1\n2"}}), contains("environment: the value of A has a line break"));
  CHECK_THAT(refusal({{"A=B", "1"}}), contains("environment: \"A=B\" is not the name of a variable"));
  CHECK_THAT(refusal({{"", "1"}}), contains("environment: \"\" is not the name of a variable"));

  std::string const text(300, 'x');
  farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.environment = {{"FARM_TEST_LONG", text}}}}};
  CHECK(pool.submit(variable, "FARM_TEST_LONG").result() == text);
}

TEST_CASE("mpi_info takes precedence over the farm's own pairs, except for those that the farm needs", "[spawned]") {
  Scratch const scratch{"info"};
  farm::MPISpawnPool pool{
      {.max_ranks = 1, .workers = {.mpi_info = {{"wdir", scratch.path.string()}, {"bind_to", "none"}}}}};
  CHECK(pool.submit(directory).result() == scratch.path.string());
  CHECK_THAT(error_of([] {
               farm::MPISpawnPool const bad{{.max_ranks = 1, .workers = {.mpi_info = {{"env", "A=1"}}}}};
             }),
             contains("mpi_info: env") && contains("WorkerOptions::environment"));
}

TEST_CASE("with output_directory, each task and rank has an output file, and nothing goes to the terminal") {
  Scratch const scratch{"output"};
  std::string terminal;
  {
    Captured const captured{1};
    farm::MPISpawnPool pool{
        {.max_ranks = 2, .ranks_per_task = 2, .workers = {.output_directory = scratch.path.string()}}};
    pool.map(
        [](int i, farm::Comm const& comm) {
          fmt::print("task {} on rank {}\n", i, comm.rank());
          fmt::print(stderr, "and its errors");
        },
        std::vector{0, 1, 2});
    pool.shutdown();
    terminal = captured.text();
  }
  CHECK(terminal.empty());
  for (int task = 0; task < 3; ++task) {
    for (int rank = 0; rank < 2; ++rank) {
      auto const text = content(scratch.path / fmt::format("task-{}.rank-{}.txt", task, rank));
      CHECK_THAT(text, contains(fmt::format("task {} on rank {}\n", task, rank)) && contains("and its errors"));
    }
  }
  CHECK(std::distance(std::filesystem::directory_iterator{scratch.path}, {}) == 6);
}

TEST_CASE("an output_directory that does not exist is reported by the task's error") {
  farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.output_directory = "/nonexistent/directory"}}};
  CHECK_THAT(error_of([&] { pool.submit(directory).result(); }), contains("/nonexistent/directory/task-0.rank-0.txt"));
}

TEST_CASE(
    "too few slots: the error says how many were requested, how many exist, where they come from and how to get more") {
  auto const message = error_of([] { farm::MPISpawnPool const pool{{.max_ranks = 8}}; });
  if (is_singleton()) {
    CHECK(message == "no error");
    return;
  }
  CHECK_THAT(message, contains("max_ranks is 8") && contains("4 slots") &&
                          contains("mpiexec has 5, of which the master takes one"));
  CHECK_THAT(message, contains("mpiexec -n 1 -host ") && contains(":9"));
  CHECK_THROWS_AS((farm::MPISpawnPool{{.max_ranks = 8}}), farm::SpawnError);
}

TEST_CASE("FARM_MAX_WORKERS is refused by name if it is no number of ranks") {
  for (auto const* const bad : {"0", "-1", "x", "3x", " ", "1.5", "99999999999"}) {
    CAPTURE(bad);
    setenv("FARM_MAX_WORKERS", bad, 1);
    CHECK_THAT(error_of([] { farm::MPISpawnPool const pool; }),
               contains(fmt::format("FARM_MAX_WORKERS is \"{}\"", bad)));
    CHECK(farm::MPISpawnPool{{.max_ranks = 2}}.max_ranks() == 2);  // a pool that sets max_ranks does not read it
  }
  setenv("FARM_MAX_WORKERS", "3", 1);
  CHECK(farm::MPISpawnPool{}.max_ranks() == 3);
  unsetenv("FARM_MAX_WORKERS");
}

TEST_CASE("pools that together want more ranks than there are slots finish their work within the slots") {
  auto const mark = fmt::format("FARM_TEST_RANKS_OF={}.", getpid());
  farm::WorkerOptions const marked{.environment = {{"FARM_TEST_RANKS_OF", fmt::format("{}.", getpid())}}};
  std::size_t most = 0;
  {
    std::jthread const watch{[&](std::stop_token const& stop) {
      while (!stop.stop_requested()) most = std::max(most, living_ranks(mark));
    }};
    farm::MPISpawnPool a{{.max_ranks = 4, .ranks_per_task = 2, .workers = marked}};
    farm::MPISpawnPool b{{.max_ranks = 4, .ranks_per_task = 4, .workers = marked}};
    farm::MPISpawnPool c{{.max_ranks = 3, .workers = marked}};
    auto const size = [](int, farm::Comm const& comm) { return comm.size(); };
    std::vector<farm::Future<int>> futures;
    for (int i = 0; i < 4; ++i) {
      for (auto* const pool : {&a, &b, &c}) futures.push_back(pool->submit(size, i));
    }
    for (std::size_t i = 0; i < futures.size(); ++i) CHECK(futures[i].result() == std::vector{2, 4, 1}[i % 3]);
  }
  CHECK(most >= 2);
  if (!is_singleton()) CHECK(most <= 4);
}

TEST_CASE("a rank's guard lingers after the rank's end, so that the launcher sees the end of the connection first") {
  std::chrono::steady_clock::duration longest{};
  for (int i = 0; i < 5; ++i) {  // the watching thread may be late, but not every time
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    auto const [rank, guard] = pool.submit([] { return std::tuple{getpid(), getppid()}; }).result();
    pool.shutdown(false);
    while (kill(rank, 0) == 0) std::this_thread::yield();
    auto const end_of_rank = std::chrono::steady_clock::now();
    while (kill(guard, 0) == 0) std::this_thread::yield();
    longest = std::max(longest, std::chrono::steady_clock::now() - end_of_rank);
  }
  CHECK(longest > std::chrono::microseconds{farm::detail::finalize_linger_us} - 5ms);
}

TEST_CASE("150 groups start and end, one after the other") {
  if (is_singleton()) return;  // would test nothing that the run under mpiexec does not
  farm::MPISpawnPool pool{{.max_ranks = 2, .tasks_per_group = 1}};
  std::vector<int> const inputs(150, 1);
  CHECK(pool.map([](int i) { return i; }, inputs) == inputs);
  CHECK(pool.statistics().groups >= 150);
}
