#include "spawn/programs/program_task.hpp"

#include "core/base/host_name.hpp"
#include "core/text/field_text.hpp"
#include "core/text/nearest_word.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/launch/slurm_step.hpp"
#include "spawn/programs/group_launcher.hpp"
#include "spawn/programs/runner_link.hpp"
#include "spawn/requests/task_settings.hpp"

#include <farm/error.hpp>
#include <farm/launcher_variables.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

/// Open MPI adds names to the path, and keeps paths in buffers of fixed length.
constexpr std::size_t longest_session_path = 200;

std::string field_value(std::string const& name, TaskContext const& context) {
  if (name == "task") return std::to_string(context.task());
  if (name == "attempt") return std::to_string(context.attempt());
  if (name == "ranks") return std::to_string(context.ranks());
  if (name == "host") return host_name();
  throw UsageError(unknown_word("field", name, {"task", "attempt", "ranks", "host"}));
}

/// Adds the variables of the program to its environment.
void add_variables(std::vector<std::string>& lines, std::map<std::string, std::string> const& variables) {
  for (auto const& [name, value] : variables) {
    auto const begin = name + '=';
    std::erase_if(lines, [&](std::string const& line) { return line.starts_with(begin); });
    lines.push_back(begin + value);
  }
}

/// Removes the variables that make Open MPI 4 believe that srun has started the program itself, as a rank of the step.
void leave_slurm_step(std::vector<std::string>& environment) {
  std::erase_if(environment, [](std::string const& line) {
    return line.starts_with("SLURM_STEPID=") || line.starts_with("SLURM_STEP_ID=");
  });
}

/// Returns the directory in which MPI and its launcher keep their files, on this host; empty if there is none that
/// fits.
std::string session_directory() {
  auto directory = default_stage_directory();
  if (directory.empty() || !is_local_file_system(file_system_of(directory))) directory = fs::temp_directory_path();
  auto path = (directory / fmt::format("programs-{}-{}", host_name(), getpid())).string();
  return path.size() <= longest_session_path ? path : std::string{};
}

bool sets_session_directory(std::vector<std::string> const& environment) {
  return std::any_of(environment.begin(), environment.end(), [](std::string const& line) {
    return line.starts_with("OMPI_MCA_orte_") && line.find("tmpdir_base=") != std::string::npos;
  });
}

ProgramStart start_of(ProgramTask const& task, Comm const& comm) {
  auto const& program = task.program;
  auto const here = fs::current_path();
  auto const directory = (here / program.directory).lexically_normal();
  auto const absolute = [&](std::string const& path) {
    return path.empty() ? path : (directory / path).lexically_normal().string();
  };
  ProgramStart start{.command = program.command,
                     .environment = launcher_environment(),
                     .directory = directory.string(),
                     .input = program.input,
                     .input_file = absolute(program.input_file),
                     .output_file = absolute(program.output_file),
                     .error_file = absolute(program.error_file),
                     .capture = program.capture,
                     .term_limit = task.term_limit,
                     .make_directory = program.make_directory};
  cpu_set_t cores{};
  sched_getaffinity(0, sizeof cores, &cores);
  if (program.mpi && comm.size() > 1) {
    auto const& place = place_of(comm);
    cores = place.cores;
    add_variables(start.environment, place.devices);
    std::vector<std::string> exports;
    for (auto const& [name, value] : program.environment) exports.push_back(name);
    if (getenv("OMP_NUM_THREADS") != nullptr) exports.emplace_back("OMP_NUM_THREADS");
    start.is_launcher = true;
    start.command = launch_on_group(task.launcher, place, program.command, exports);
    if (LaunchCommand{task.launcher}.shares_slurm_job()) remove_job_requests(start.environment);
  }
  if (program.mpi && comm.size() == 1) leave_slurm_step(start.environment);
  add_variables(start.environment, program.environment);
  if (program.mpi) {
    start.session = session_directory();
    if (!start.session.empty() && !sets_session_directory(start.environment))
      start.environment.push_back("OMPI_MCA_orte_tmpdir_base=" + start.session);
  }
  start.cores.assign(reinterpret_cast<char const*>(&cores), sizeof cores);
  return start;
}

/// Returns "exited with status 137 (signal 9 has ended a process of it)".
std::string how(Exit const& exit, bool was_launched) {
  auto text = exit.text();
  if (was_launched && exit.signal == 0 && exit.status > 128 && exit.status < 128 + NSIG) {
    auto const description = Exit{.signal = exit.status - 128}.text();
    text += fmt::format(" (a process of it {})", description);
  }
  return text;
}

}  // namespace

void check_program(Program const& program) {
  if (program.command.empty()) throw UsageError("a Program needs a command: the program and its arguments");
  if (program.command.front().empty()) throw UsageError("a Program's command begins with an empty word");
  for (auto const& word : program.command) {
    if (word.find('\0') != std::string::npos) throw UsageError("a word of a Program's command has a null character");
  }
  check_variables(program.environment);
}

Program with_fields(Program program, TaskContext const& context) {
  auto const fill = [&](std::string& text) {
    if (text.find_first_of("{}") == std::string::npos) return;
    try {
      text = FieldText{text}.filled([&](std::string const& name) { return field_value(name, context); });
    } catch (std::invalid_argument const& error) {
      throw UsageError(error.what());
    }
  };
  for (auto& word : program.command) fill(word);
  for (auto& [name, value] : program.environment) fill(value);
  for (auto* const text :
       {&program.directory, &program.input, &program.input_file, &program.output_file, &program.error_file}) {
    fill(*text);
  }
  return program;
}

Exit run_program(ProgramTask const& given, Comm const& comm, TaskContext& context) {
  bool const is_launched = given.program.mpi && comm.size() > 1;
  if (comm.rank() != 0) {
    if (is_launched) static_cast<void>(place_of(comm));
    return {};
  }
  auto task = given;
  std::string unfilled;
  try {
    if (task.program.fields) task.program = with_fields(std::move(task.program), context);
  } catch (UsageError const& error) {
    unfilled = error.what();
  }
  if (is_launched) static_cast<void>(place_of(comm));  // in any case: the other ranks wait in there
  if (!unfilled.empty()) throw UsageError(unfilled);
  auto const start = start_of(task, comm);
  std::cout.flush();
  std::fflush(nullptr);  // what the rank has printed comes before what the program prints
  auto end = run_by_runner(start, [&] { return context.stop_requested(); });
  if (!end.refusal.empty()) throw UsageError(end.refusal);
  if (end.exit.ok() || task.program.any_exit) return std::move(end.exit);
  auto const said = end.last_lines.empty() ? std::string{} : fmt::format("; it has said: {}", end.last_lines);
  auto const* const cause = end.lacked_memory ? ": the kernel has killed it for lack of memory" : "";
  throw ProgramError(fmt::format("{} {}{}{}", to_text(task.program.command), how(end.exit, is_launched), cause, said),
                     std::move(end.exit));
}

}  // namespace farm::detail
