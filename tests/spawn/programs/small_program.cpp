// What the tests in outside_*.cpp start as users start their programs: small_program SCENARIO [ARGUMENT]
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

int sum_of_ranks(int i, farm::Comm const& comm) {
  int const mine = i + comm.rank();
  int sum = 0;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

void work() {
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  auto const sums = pool.map(sum_of_ranks, std::vector{1, 2, 3, 4, 5, 6});
  fmt::print("sum {}\n", std::accumulate(sums.begin(), sums.end(), 0));
}

/// With what a pool has when nothing is said.
void work_by_default() {
  farm::MPISpawnPool pool;
  fmt::print("max_ranks {}\n", pool.max_ranks());
  pool.map([](int) {}, std::vector{1, 2, 3});
}

void print_from_tasks() {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  pool.map([](int i) { fmt::print("task {} prints\n", i); }, std::vector{1, 2, 3});
}

void lose_ranks() {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .max_losses = 1}};
  auto const die = [](int signal, farm::Comm const& comm) {
    if (comm.rank() == 1) raise(signal);
    comm.barrier();
  };
  for (int const signal : {SIGKILL, SIGSEGV}) {
    try {
      pool.submit(die, signal).result();
    } catch (farm::GroupLost const&) {
      fmt::print("lost\n");
    }
  }
  fmt::print("then {}\n", pool.submit(sum_of_ranks, 1).result());
}

/// An exception leaves main while tasks run that would never end.
void fail_while_tasks_run() {
  auto* const pool = new farm::MPISpawnPool{{.max_ranks = 2}};  // NOLINT: the process dies with it
  static_cast<void>(pool->submit([] {
    for (;;) pause();
  }));
  pool->submit(sum_of_ranks, 1).result();
  throw std::runtime_error("nobody catches this");
}

/// While the program runs its file becomes another.
void be_rebuilt(std::string const& replacement) {
  farm::MPISpawnPool pool{{.max_ranks = 1, .tasks_per_group = 1}};
  fmt::print("before {}\n", pool.submit(sum_of_ranks, 1).result());
  auto const program = std::filesystem::read_symlink("/proc/self/exe");
  if (replacement.empty()) {
    std::filesystem::remove(program);
  } else {
    std::filesystem::rename(replacement, program);
  }
  fmt::print("after {}\n", pool.submit(sum_of_ranks, 2).result());
}

/// The master dies while a task runs that would never end.
void orphan_a_task() {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const file = std::filesystem::current_path() / "the_task_runs";
  auto const future = pool.submit(
      [](std::string const& path, farm::Comm const& comm) {
        comm.barrier();
        std::ofstream{path} << "";
        for (;;) pause();
      },
      file.string());
  while (!std::filesystem::exists(file)) std::this_thread::yield();
  kill(getpid(), SIGKILL);
}

void make_a_large_pool() {
  farm::MPISpawnPool pool{{.max_ranks = 120, .ranks_per_task = 2}};
  fmt::print("sum {}\n", pool.submit(sum_of_ranks, 1).result());
}

/// A signal comes while tasks run, others are queued and an array is staged. `how`: to whom, and what main does then.
void be_interrupted(std::string const& how) {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  farm::Array<double> const array{std::vector<double>(100000, 1.0)};
  auto const file = std::filesystem::current_path() / "the_task_runs";
  std::filesystem::remove(file);
  std::vector<farm::Future<void>> futures;
  for (int i = 0; i < 3; ++i) {
    futures.push_back(pool.submit(
        [](farm::View<double> const&, std::string const& path, farm::Comm const& comm) {
          comm.barrier();
          std::ofstream{path} << "";
          for (;;) pause();
        },
        array, file.string()));
  }
  while (!std::filesystem::exists(file)) std::this_thread::yield();
  kill(how == "launcher" ? getppid() : getpid(), how == "term" ? SIGTERM : SIGINT);
  if (how == "twice") {
    while (!futures[0].done()) std::this_thread::yield();
    kill(getpid(), SIGINT);
    for (;;) pause();
  }
  if (how == "uncaught") {
    std::thread{[&] { futures[0].result(); }}.join();
  }
  for (auto const& future : futures) {
    try {
      future.result();
    } catch (farm::CancelledError const& e) {
      fmt::print("{}\n", e.what());
    }
  }
  try {
    pool.submit(sum_of_ranks, 1).result();
  } catch (farm::CancelledError const&) {
    fmt::print("and so on\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  std::string const scenario = argc > 1 ? argv[1] : "";
  std::string const argument = argc > 2 ? argv[2] : "";
  if (scenario == "fail_while_tasks_run") fail_while_tasks_run();
  try {
    if (scenario == "work") {
      work();
    } else if (scenario == "work_by_default") {
      work_by_default();
    } else if (scenario == "print_from_tasks") {
      print_from_tasks();
    } else if (scenario == "lose_ranks") {
      lose_ranks();
    } else if (scenario == "be_rebuilt") {
      be_rebuilt(argument);
    } else if (scenario == "make_a_large_pool") {
      make_a_large_pool();
    } else if (scenario == "be_interrupted") {
      be_interrupted(argument);
    } else if (scenario == "orphan_a_task") {
      orphan_a_task();
    } else {
      return 2;
    }
  } catch (std::exception const& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 1;
  }
}
