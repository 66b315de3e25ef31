// inheriting_program SCENARIO...: a program whose processes inherit what programs usually do not: blocked signals,
// closed descriptors, long settings, arguments that it looks at before its Runtime.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

int argument_count = 0;  // NOLINT: of this process
std::string first_argument;
std::set<int> open_at_start;  // the test program may have more descriptors

template <class F>
void tell(std::string const& what, F f) {
  try {
    fmt::print("{}: {}\n", what, f());
  } catch (std::exception const& e) {
    fmt::print("{}: {}\n", what, e.what());
  }
  std::fflush(stdout);
}

int die_once(farm::TaskContext const& context) {
  if (context.attempt() == 1) raise(SIGKILL);
  return static_cast<int>(context.attempt());
}

void lose_a_rank() {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  tell("attempt", [&] { return pool.submit(die_once).result(20s); });
}

std::string read_line() {
  std::string line;
  return std::getline(std::cin, line) ? line : "end of file";
}

void read_input() {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  for (int i = 0; i < 2; ++i) tell("task", [&] { return pool.submit(read_line).result(20s); });
  tell("master", read_line);
}

std::string variable(std::string const& name) {
  char const* const value = getenv(name.c_str());
  return value != nullptr ? value : "not set";
}
std::string where() { return std::filesystem::current_path().string(); }

/// Starts ranks with variables, a directory and hosts that MPI_Info has no room for.
void use_long_settings() {
  std::string const text(300, 'x');
  auto const directory =
      std::filesystem::current_path() / std::string(200, 'd') / "with a blank" / std::string(100, 'e');
  std::filesystem::create_directories(directory);
  farm::WorkerOptions workers{.working_directory = directory.string(),
                              .environment = {{"A", "short"}, {"B", text}, {"C", "last"}}};
  if (getenv("FARM_SOURCE") == nullptr) workers.hosts = std::vector<std::string>(40, "localhost");
  farm::MPISpawnPool pool{{.max_ranks = 1, .workers = workers}};
  tell("variables", [&] {
    return fmt::format("{} {} {}", pool.submit(variable, "A").result(), pool.submit(variable, "B").result() == text,
                       pool.submit(variable, "C").result());
  });
  tell("directory", [&] { return pool.submit(where).result() == directory.string(); });
}

/// Names a directory and a host that are not there, and goes on.
void name_what_is_missing() {
  auto const begin = std::chrono::steady_clock::now();
  tell("directory", [] {
    farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.working_directory = "/not/there"}}};
    return pool.submit(where).result();
  });
  tell("host", [] {
    farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.hosts = {"nowhere-at-all"}}}};
    return pool.submit(where).result();
  });
  auto const took = std::chrono::steady_clock::now() - begin;
  tell("in time", [&] { return took < 5s; });
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  tell("then", [&] { return pool.submit(where).result() == where(); });
}

/// Returns how many descriptors above 2 are sockets or pipes, in a program that a task or the master starts.
std::string inherited() {
  auto const file = fmt::format("descriptors.{}", getpid());
  static_cast<void>(!std::system(fmt::format("ls -l /proc/self/fd >{}", file).c_str()));
  std::ifstream text{file};
  std::string found;
  for (std::string line; std::getline(text, line);) {
    auto const arrow = line.find(" -> ");
    if (arrow == std::string::npos) continue;
    int const number = std::stoi(line.substr(line.rfind(' ', arrow - 1) + 1));
    bool const is_own = number > 2 && line.find("/proc/") == std::string::npos;
    if (is_own && !open_at_start.contains(number)) found += line.substr(arrow) + ";";
  }
  return found.empty() ? "nothing" : found;
}

void start_programs() {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  pool.bootup();
  tell("master", [] { return inherited(); });
  tell("rank", [&] { return pool.submit(inherited).result(); });
}

/// A task forks a child that keeps its descriptors, and dies.
void lose_a_rank_with_a_child() {
  farm::MPISpawnPool pool{{.max_ranks = 1, .max_losses = 1}};
  pool.bootup();
  auto const begin = std::chrono::steady_clock::now();
  tell("lost", [&] {
    pool.submit([] {
          if (fork() == 0) {
            sleep(20);
            _exit(0);
          }
          raise(SIGKILL);
        })
        .result();
    return 0;
  });
  tell("then", [&] { return pool.submit(where).result() == where(); });
  pool.shutdown();
  auto const took = std::chrono::steady_clock::now() - begin;
  tell("in time", [&] { return took < 8s; });
}

/// The master forks a child that keeps its descriptors, and dies.
void die_with_a_child() {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  auto const task = pool.submit([] {
    for (;;) pause();
  });
  while (!task.running()) std::this_thread::sleep_for(10ms);
  if (fork() == 0) {
    execlp("env", "env", "-u", "FARM_TEST_MARK", "sleep", "20", nullptr);
    _exit(1);
  }
  if (pid_t const child = fork(); child == 0) {
    setenv("FARM_TEST_MARK", "none", 1);
    sleep(4);
    _exit(0);
  }
  kill(getpid(), SIGKILL);
}

/// Open MPI's mpiexec sets one of these variables, and MPICH's the other.
bool is_of_a_launcher() { return getenv("OMPI_COMM_WORLD_RANK") != nullptr || getenv("MPI_LOCALRANKID") != nullptr; }

}  // namespace

int main(int argc, char** argv) {
  std::string const scenario = argc > 1 ? argv[1] : "";
  if (scenario == "end_before_the_runtime" && is_of_a_launcher() && std::filesystem::exists("the_master_runs")) {
    fmt::print(stderr, "usage: this program wants a licence\n");
    return 3;
  }
  for (auto const& entry : std::filesystem::directory_iterator{"/proc/self/fd"})
    open_at_start.insert(std::stoi(entry.path().filename().string()));
  argument_count = argc;
  if (argc > 2) first_argument = argv[2];
  if (scenario == "change_arguments") argv[2] = nullptr, argc = 2;
  if (scenario == "block_all" || scenario == "block_sigchld") {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    if (scenario == "block_all") sigfillset(&signals);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
  }
  if (scenario == "ignore_sigchld") std::signal(SIGCHLD, SIG_IGN);
  farm::Runtime const runtime{argc, argv};
  if (scenario == "block_all" || scenario == "block_sigchld" || scenario == "ignore_sigchld" || scenario == "lose") {
    lose_a_rank();
  } else if (scenario == "read_input") {
    read_input();
  } else if (scenario == "use_long_settings") {
    use_long_settings();
  } else if (scenario == "name_what_is_missing") {
    name_what_is_missing();
  } else if (scenario == "start_programs") {
    start_programs();
  } else if (scenario == "lose_a_rank_with_a_child") {
    lose_a_rank_with_a_child();
  } else if (scenario == "die_with_a_child") {
    die_with_a_child();
  } else if (scenario == "tell_arguments" || scenario == "change_arguments") {
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    tell("argument", [&] { return pool.submit([] { return first_argument; }).result(); });
  } else if (scenario == "count_arguments") {
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    tell("arguments", [&] { return pool.submit([] { return argument_count; }).result(); });
  } else if (scenario == "end_before_the_runtime") {
    std::ofstream{"the_master_runs"} << "";
    farm::MPISpawnPool pool{{.max_ranks = 2}};
    auto const begin = std::chrono::steady_clock::now();
    tell("task", [&] { return pool.submit(where).result(); });
    auto const took = std::chrono::steady_clock::now() - begin;
    tell("in time", [&] { return took < 3s; });
    std::filesystem::remove("the_master_runs");
  } else if (scenario == "fork") {
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    farm::Array<double> const array{std::vector<double>(100000, 1.0)};
    tell("before", [&] { return pool.submit(where).result() == where(); });
    if (pid_t const child = fork(); child != 0) {
      int status = -1;
      waitpid(child, &status, 0);
      tell("child", [&] { return status; });
      tell("after", [&] { return pool.submit(where).result() == where(); });
      tell("array", [&] { return array.read()[99999]; });
    }
  }
}
