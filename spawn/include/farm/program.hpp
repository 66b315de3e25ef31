#pragma once

#include <farm/exit.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace farm {

/// A program that runs as a task: `pool.run(Program{.command = {"./solver", "--alpha", "0.1"}})`. The program need not
/// know the farm.
///
/// On a group of one rank, rank 0 starts the program directly. On a group of several ranks, it starts the launcher
/// (mpiexec, srun) with as many processes as the group has ranks, on the hosts of the group; with `mpi = false`, it
/// starts the program directly there as well. The ranks of the group wait meanwhile, and take no processor time.
///
/// The program inherits the environment of its rank, without the variables by which the rank's own MPI finds its
/// launcher. Whatever the program leaves behind, such as a daemon, is ended with the task; and so is the program when
/// the task is stopped, or its rank or the master dies. A task that is stopped sends SIGTERM first, and SIGKILL half of
/// the pool's grace later.
struct Program {
  /// The program and its arguments. No shell reads them. A name without a slash is looked for in PATH; another relative
  /// path is relative to `directory`.
  std::vector<std::string> command{};
  /// The working directory of the program. A relative path is relative to the rank's. Empty: that of the rank.
  std::string directory{};
  /// Whether the directory is made, with its parents, if it is not there.
  bool make_directory = false;
  /// Variables that are added to the environment of the program.
  std::map<std::string, std::string> environment{};
  /// What the program reads from its standard input, unless there is an `input_file`.
  std::string input{};
  /// The file that is the standard input of the program. Empty: `input`.
  std::string input_file{};
  /// The file for what the program writes to its standard output. The file is replaced. Empty: goes where the output of
  /// the task's rank goes, unless it is captured.
  std::string output_file{};
  /// The same for the standard error. May be the same file as `output_file`.
  std::string error_file{};
  /// How many bytes of the standard output and of the standard error Exit keeps: the last ones. Output that is captured
  /// goes nowhere else. 0: none.
  std::size_t capture = 0;
  /// Whether a launcher starts the program if the group has several ranks.
  bool mpi = true;
  /// Whether the future has its Exit however the program has ended. Otherwise a program that does not exit with status
  /// 0 fails its task with ProgramError, and so may be retried.
  bool any_exit = false;
  /// Whether {task}, {attempt}, {ranks} and {host} are filled in, in the command, the paths, the values of variables
  /// and `input`. Then {{ and }} stand for braces. {task} is TaskContext::task(), and {host} the host of rank 0.
  bool fields = false;
};

}  // namespace farm
