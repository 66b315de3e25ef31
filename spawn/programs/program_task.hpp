#pragma once

#include <farm/comm.hpp>
#include <farm/program.hpp>
#include <farm/task_context.hpp>

#include <cstdint>
#include <string>

namespace farm::detail {

/// A program as it travels to the ranks of its group.
struct ProgramTask {
  Program program{};
  std::string launcher{};       ///< as LaunchCommand takes it
  std::int64_t term_limit = 0;  ///< milliseconds from SIGTERM to SIGKILL, when the task is stopped
};

/// The function of the task. Runs on every rank of the group: rank 0 starts the program and waits for it, the others
/// return at once. Throws UsageError if the program cannot be started, and ProgramError if it has failed, unless it is
/// any_exit.
[[nodiscard]] Exit run_program(ProgramTask const& given, Comm const& comm, TaskContext& context);

/// Throws UsageError if the program cannot be meant: it has no command, or a variable has no name.
void check_program(Program const& program);

/// Returns the program with its fields filled in. Throws UsageError, which suggests the nearest name, if there is no
/// such field.
[[nodiscard]] Program with_fields(Program program, TaskContext const& context);

}  // namespace farm::detail
