// small_program SCENARIO [ARGUMENT]: the program that outside_*.cpp and in_slurm.cpp start as users start theirs.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
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

/// Waits until the other task runs, too; returns the GPUs and cores of the step that runs this one.
std::string meet(int i, farm::Comm const& comm) {
  if (comm.rank() != 0) return {};
  std::ofstream{fmt::format("met_{}", i)};
  auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!std::filesystem::exists(fmt::format("met_{}", 1 - i)) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  bool const met = std::filesystem::exists(fmt::format("met_{}", 1 - i));
  auto const value = [](char const* name) { return getenv(name) != nullptr ? getenv(name) : "no"; };
  return fmt::format("{}, {} GPUs, {} cores", met ? "met" : "alone", value("SLURM_GPUS_ON_NODE"),
                     value("SLURM_CPUS_ON_NODE"));
}

void meet_in_groups() {
  for (int const i : {0, 1}) std::filesystem::remove(fmt::format("met_{}", i));
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  auto texts = pool.map(meet, std::vector{0, 1});
  std::sort(texts.begin(), texts.end(), std::greater<>{});
  for (auto const& text : texts) fmt::print("{}\n", text);
}

void work_in_a_group_of(int ranks) {
  farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks}};
  fmt::print("sum {}\n", pool.submit(sum_of_ranks, 1).result());
}

/// Uses a pool without options.
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

/// Throws an exception out of main while endless tasks run.
void fail_while_tasks_run() {
  auto* const pool = new farm::MPISpawnPool{{.max_ranks = 2}};  // NOLINT: the process dies with it
  static_cast<void>(pool->submit([] {
    for (;;) pause();
  }));
  pool->submit(sum_of_ranks, 1).result();
  throw std::runtime_error("nobody catches this");
}

/// Replaces or removes the file of the program while the program runs.
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

/// Gives a group little time to start.
void work_soon() {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .spawn_timeout = std::chrono::milliseconds{500}}};
  fmt::print("{}\n", pool.submit(sum_of_ranks, 1).result());
}

void work_twice() {
  farm::MPISpawnPool spawned{{.max_ranks = 2, .ranks_per_task = 2}};
  farm::MPISpawnPool launched{
      {.max_ranks = 2, .ranks_per_task = 2, .workers = {.source = farm::Source::launched, .launcher = "mpiexec"}}};
  for (int i : {1, 2}) {
    fmt::print("spawned {} launched {}{}", spawned.submit(sum_of_ranks, i).result(),
               launched.submit(sum_of_ranks, i).result(), i == 1 ? " " : "\n");
  }
}

/// Stages an array in the master, and reads one that a task made.
void stage_without_mpi() {
  int initialized = 1;
  MPI_Initialized(&initialized);
  fmt::print("MPI is {}initialized\n", initialized != 0 ? "" : "not ");
  std::vector<double> numbers(1'000'000);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const twice = [](farm::Slab<double const> const& in, farm::Comm const& comm) {
    farm::Slab<double> out{comm, in.extents()};
    std::transform(in.begin(), in.end(), out.begin(), [](double x) { return 2 * x; });
    return out;
  };
  auto const doubled = pool.submit(twice, farm::stage(numbers, {numbers.size()})).result();
  auto const back = doubled.read();
  fmt::print("sum {:.0f}\n", std::accumulate(back.begin(), back.end(), 0.0));
}

void look_around() {
  farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.working_directory = "/", .environment = {{"OWN", "mine"}}}}};
  fmt::print("{}\n", pool.submit([] {
                           auto const variable = [](char const* name) {
                             char const* const value = getenv(name);
                             return fmt::format("{} {}", name,
                                                value != nullptr ? fmt::format("is {}", value) : "not set");
                           };
                           return fmt::format("{}, {}, {}, in {}", variable("FARM_WORKER"), variable("FARM_BIRTH"),
                                              variable("OWN"), std::filesystem::current_path().string());
                         })
                         .result());
}

/// Kills the master while a launcher has not started its ranks.
void orphan_a_launcher() {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const future = pool.submit(sum_of_ranks, 1);
  auto const launcher_runs = [] {
    std::string children;
    for (auto const& thread : std::filesystem::directory_iterator{"/proc/self/task"}) {
      std::string text;
      std::getline(std::ifstream{thread.path() / "children"}, text);
      children += text;
    }
    return !children.empty();
  };
  while (!launcher_runs()) std::this_thread::yield();
  kill(getpid(), SIGKILL);
}

/// Kills the master while an endless task runs, or runs `command`, which ends the job.
void orphan_a_task(std::string const& command = "") {
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
  if (command.empty()) kill(getpid(), SIGKILL);
  static_cast<void>(!std::system(command.c_str()));
  for (;;) pause();
}

/// Kills the master while programs run that have left processes behind: one started directly, one by a launcher.
void orphan_programs() {
  farm::MPISpawnPool pool{{.max_ranks = 3}};
  auto const script = [](int ranks) {
    auto const file = fmt::format("the_task_runs_{}", ranks);
    std::filesystem::remove(file);
    return fmt::format("setsid sh -c 'sleep 1000' </dev/null >/dev/null 2>&1 & : >{}; sleep 1000", file);
  };
  std::vector<farm::Future<farm::Exit>> futures;
  for (int const ranks : {1, 2}) {
    futures.push_back(pool.run(farm::TaskOptions{.ranks = ranks}, {.command = {"sh", "-c", script(ranks)}}));
    while (!std::filesystem::exists(fmt::format("the_task_runs_{}", ranks))) std::this_thread::yield();
  }
  kill(getpid(), SIGKILL);
}

/// Runs the MPI program on groups of 1 and 2 ranks, beside functions.
void run_programs(std::string const& program) {
  farm::MPISpawnPool pool{{.max_ranks = 4}};
  for (int const ranks : {1, 2}) {
    auto const run = pool.run(farm::TaskOptions{.ranks = ranks}, {.command = {program}, .capture = 10'000});
    auto const sum = pool.submit(farm::TaskOptions{.ranks = ranks}, sum_of_ranks, 0).result();
    auto const output = run.result().output;
    fmt::print("{} lines, sum {}\n", std::count(output.begin(), output.end(), '\n'), sum);
  }
}

/// Returns the files of MPI's shared memory that this process maps.
std::vector<std::string> shared_memory() {
  std::vector<std::string> paths;
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    if (auto const begin = line.find("/dev/shm/"); begin != std::string::npos) paths.push_back(line.substr(begin));
  }
  return paths;
}

pid_t parent_of(pid_t process) {
  std::ifstream status{fmt::format("/proc/{}/status", process)};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("PPid:")) return std::stoi(line.substr(5));
  }
  throw std::runtime_error("no such process");
}

/// Returns the mpiexec that has started this master. Hydra, MPICH's, has a proxy between the two.
pid_t own_mpiexec() { return getenv("HYDI_CONTROL_FD") != nullptr ? parent_of(getppid()) : getppid(); }

/// Kills a group's launcher while its task runs. Prints the attempt that ended, and the files that are left of the MPI
/// shared memory of the first attempt.
void lose_the_launcher() {
  auto const directory = std::filesystem::current_path().string();
  auto const kill_it = [](std::string const& path, farm::Comm const& comm, farm::TaskContext const& context) {
    if (context.attempt() > 1) return context.attempt();
    std::ofstream file{fmt::format("{}/segments.{}", path, comm.rank())};
    for (auto const& segment : shared_memory()) file << segment << std::endl;
    comm.barrier();
    auto const above_guard = parent_of(getppid());  // Hydra has a proxy there
    if (comm.rank() == 0) kill(getenv("MPI_LOCALRANKID") != nullptr ? parent_of(above_guard) : above_guard, SIGKILL);
    for (;;) pause();
  };
  {
    farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
    fmt::print("attempt {}\n", pool.submit(kill_it, directory).result());
  }
  for (int rank = 0; rank < 2; ++rank) {
    std::ifstream file{fmt::format("{}/segments.{}", directory, rank)};
    int segments = 0;
    for (std::string path; std::getline(file, path); ++segments) {
      if (std::filesystem::exists(path)) fmt::print("left: {}\n", path);
    }
    if (segments == 0) fmt::print("no shared memory\n");
  }
}

/// Kills the master together with mpiexec, while a task runs and an array is staged. Prints the files of MPI's shared
/// memory.
void die_with_the_launcher() {
  for (auto const& path : shared_memory()) fmt::print("{}\n", path);
  std::fflush(stdout);
  farm::Array<double> const array{std::vector<double>(100000, 1.0)};
  orphan_a_task(fmt::format("kill -9 {} {}", own_mpiexec(), getpid()));
}

void make_a_large_pool() {
  farm::MPISpawnPool pool{{.max_ranks = 120, .ranks_per_task = 2}};
  fmt::print("sum {}\n", pool.submit(sum_of_ranks, 1).result());
}

/// Sends a signal while tasks run, others are queued and an array is staged. `how` says to which process, and what main
/// does then.
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
  kill(how == "launcher" ? own_mpiexec() : getpid(), how == "term" ? SIGTERM : SIGINT);
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
  std::string const scenario = argc > 1 ? argv[1] : "";
  std::string const argument = argc > 2 ? argv[2] : "";
  if (scenario == "leave_main_with") {
    if (argument == "own") {
      std::set_terminate([] {
        std::fputs("its own handler\n", stderr);
        _exit(7);
      });
    }
    farm::Runtime const runtime{argc, argv};
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    if (argument == "farm") farm::MPISpawnPool{{.max_ranks = 1, .ranks_per_task = 2}};
    if (argument == "task") pool.submit([] { throw std::domain_error("no good"); }).result();
    throw std::runtime_error("out of luck");
  }
  if (scenario == "fail_while_tasks_run") {
    farm::Runtime const runtime{argc, argv};
    fail_while_tasks_run();
  }
  try {
    farm::Runtime const runtime{argc, argv};
    if (scenario == "work") {
      work();
    } else if (scenario == "meet") {
      meet_in_groups();
    } else if (scenario == "work_in_a_group_of") {
      work_in_a_group_of(std::stoi(argument));
    } else if (scenario == "work_soon") {
      work_soon();
    } else if (scenario == "work_twice") {
      work_twice();
    } else if (scenario == "stage_without_mpi") {
      stage_without_mpi();
    } else if (scenario == "look_around") {
      look_around();
    } else if (scenario == "orphan_a_launcher") {
      orphan_a_launcher();
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
    } else if (scenario == "be_cancelled") {
      orphan_a_task("scancel $SLURM_JOB_ID");
    } else if (scenario == "orphan_programs") {
      orphan_programs();
    } else if (scenario == "run_programs") {
      run_programs(argument);
    } else if (scenario == "orphan_a_task") {
      orphan_a_task();
    } else if (scenario == "lose_the_launcher") {
      lose_the_launcher();
    } else if (scenario == "die_with_the_launcher") {
      die_with_the_launcher();
    } else {
      return 2;
    }
  } catch (std::exception const& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 1;
  }
}
