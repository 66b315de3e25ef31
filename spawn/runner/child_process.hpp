#pragma once

#include <sched.h>
#include <sys/types.h>
#include <string>
#include <vector>

namespace farm::detail {

/// What a child process is to be.
struct ChildStart {
  std::string file;  ///< the program, as a path
  std::vector<std::string> const& command;
  std::vector<std::string> const& environment;
  std::string directory;
  int input = -1;   ///< the descriptor that becomes its standard input
  int output = -1;  ///< ... its standard output
  int error = -1;   ///< ... its standard error
  cpu_set_t const& cores;
};

/// A child process, or why there is none.
struct StartedChild {
  enum class Step { none, fork, directory, program };
  pid_t process = -1;
  Step failed = Step::none;
  int error = 0;  ///< errno of the step that failed
};

/// Starts a child process in a session of its own. The kernel kills the child when this thread ends. The child gets
/// default signals and no other descriptors than the three. Blocks until the child executes the program.
[[nodiscard]] StartedChild start_child(ChildStart const& start);

}  // namespace farm::detail
