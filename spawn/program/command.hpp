#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

/// The subcommands of the farm program.
namespace farm::detail {

/// The arguments of main().
struct ProgramArguments {
  int argc;
  char** argv;
};

/// A subcommand. Its constructor adds its options to the subcommand of CLI11.
class Command {
 public:
  Command() = default;
  Command(Command const&) = delete;
  Command& operator=(Command const&) = delete;
  virtual ~Command() = default;

  /// Runs the command and returns the exit status. Called after the command line was parsed. run_main() prints what it
  /// throws as one line. A command makes the Runtime itself, after it has checked everything that needs no Runtime.
  virtual int run(ProgramArguments arguments) = 0;

  /// Takes the words after `--`, which may begin with a dash. Called before run(). Throws TypingError if the command
  /// takes no inputs.
  virtual void add_inputs(std::vector<std::string> inputs);
};

/// A subcommand of CLI11 and the command that it runs.
struct CommandEntry {
  CLI::App* app;
  std::unique_ptr<Command> command;
};

/// Adds one subcommand, with its options, to the application.
using CommandMaker = CommandEntry (*)(CLI::App& parent);

CommandEntry make_map_command(CLI::App& parent);
CommandEntry make_run_command(CLI::App& parent);
CommandEntry make_tasks_command(CLI::App& parent);
CommandEntry make_doctor_command(CLI::App& parent);
CommandEntry make_report_command(CLI::App& parent);
CommandEntry make_completion_command(CLI::App& parent);
CommandEntry make_man_command(CLI::App& parent);

/// Adds a subcommand to those of this program. Call it before main(), from a static initializer; returns true.
bool add_command(CommandMaker maker);

/// Returns the makers of all subcommands: those above, then those of add_command().
[[nodiscard]] std::vector<CommandMaker> const& command_makers();

}  // namespace farm::detail
