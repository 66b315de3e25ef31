// nesting_program plain: an MPI program that knows nothing of the farm.
// nesting_program work: a master, which says what a small task returns.
// nesting_program task|master COMMAND: runs the command in a task of a group of two ranks, or in the master, and prints
// what the command prints. Then the group works on, and one of its ranks spawns processes by MPI.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

int sum_of_ranks(MPI_Comm comm) {
  int rank = 0;
  int sum = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

int be_plain(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int const sum = sum_of_ranks(MPI_COMM_WORLD);
  MPI_Comm parent = MPI_COMM_NULL;
  MPI_Comm_get_parent(&parent);
  if (parent != MPI_COMM_NULL) {
    MPI_Comm_disconnect(&parent);
  } else if (rank == 0) {
    fmt::print("plain: {} ranks, sum {}\n", size, sum);
  }
  MPI_Finalize();
  return 0;
}

std::string output_of(std::string const& command) {
  std::FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t count = 0; (count = std::fread(buffer.data(), 1, buffer.size(), pipe)) != 0;)
    text.append(buffer.data(), count);
  int const status = pclose(pipe);
  return status == 0 ? text : fmt::format("{}status {}\n", text, status);
}

std::string run_on_rank_0(std::string const& command, farm::Comm const& comm) {
  auto const text = comm.rank() == 0 ? output_of(command) : "";
  comm.barrier();
  return text;
}

/// Has what programs choose their GPU by, and nothing by which another MPI program would take itself for this rank.
std::string variables() {
  std::string text;
  for (auto const* const name :
       {"OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "OMPI_UNIVERSE_SIZE", "PMIX_RANK", "FARM_MAX_WORKERS"}) {
    char const* const value = getenv(name);
    text += fmt::format("{} {}, ", name, value == nullptr ? "unset" : "set");
  }
  return text;
}

std::vector<int> rank_difference(farm::Comm const& comm) {
  auto const number = [](char const* name) { return getenv(name) != nullptr ? std::atoi(getenv(name)) : -1; };
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return {comm.rank(), number("OMPI_COMM_WORLD_RANK") - rank, number("OMPI_COMM_WORLD_LOCAL_RANK") - rank};
}

int spawn_by_mpi(std::string const& program, farm::Comm const& comm) {
  int size = 0;
  if (comm.rank() == 0) {
    std::string argument = "plain";
    std::array<char*, 2> arguments{argument.data(), nullptr};
    MPI_Comm children = MPI_COMM_NULL;
    MPI_Info info = MPI_INFO_NULL;
    MPI_Info_create(&info);
    MPI_Info_set(info, "map_by", "slot:OVERSUBSCRIBE");
    MPI_Comm_spawn(program.c_str(), arguments.data(), 1, info, 0, MPI_COMM_SELF, &children, MPI_ERRCODES_IGNORE);
    MPI_Info_free(&info);
    MPI_Comm_remote_size(children, &size);
    MPI_Comm_disconnect(&children);
  }
  comm.barrier();
  return size;
}

void run_in_task(std::string const& command, std::string const& program) {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  fmt::print("{}", pool.submit(run_on_rank_0, command).result());
  fmt::print("{}\n", pool.submit(variables).result());
  for (auto const& each : pool.submit(farm::all_ranks, rank_difference).result())
    fmt::print("rank {} differs by {} and {}\n", each[0], each[1], each[2]);
  fmt::print("then {}\n", pool.submit([](farm::Comm const& comm) { return sum_of_ranks(comm); }).result());
  fmt::print("spawned {}\n", pool.submit(spawn_by_mpi, program).result());
}

/// Starts the command by posix_spawn() with another environment, and then by the shell with its own.
void run_in_master(std::string const& command) {
  auto lines = farm::launcher_environment();
  std::vector<char*> environment;
  for (auto& line : lines) environment.push_back(line.data());
  environment.push_back(nullptr);
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string text = command;
  std::array<char*, 4> arguments{shell.data(), option.data(), text.data(), nullptr};
  pid_t child = 0;
  posix_spawn(&child, shell.c_str(), nullptr, nullptr, arguments.data(), environment.data());
  int status = -1;
  waitpid(child, &status, 0);
  fmt::print("posix_spawn: status {}\n", status);
  farm::remove_launcher_variables();
  fmt::print("{}", output_of(command));
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  fmt::print("then {}\n", pool.submit([](farm::Comm const& comm) { return sum_of_ranks(comm); }).result());
}

}  // namespace

int main(int argc, char** argv) {
  std::string const scenario = argc > 1 ? argv[1] : "";
  if (scenario == "plain") return be_plain(argc, argv);
  try {
    farm::Runtime const runtime{argc, argv};
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (scenario == "work") {
      farm::MPISpawnPool pool;
      fmt::print("work: {}\n", pool.submit([](int i) { return 2 * i; }, 21).result());
    } else if (scenario == "task") {
      run_in_task(argv[2], argv[0]);
    } else if (scenario == "master") {
      run_in_master(argv[2]);
    } else {
      return 2;
    }
  } catch (std::exception const& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 1;
  }
}
