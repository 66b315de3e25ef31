#pragma once

#include <farm/mpi_spawn_pool.hpp>

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What the subcommands of the farm program are made of.
namespace farm::detail {

/// The command line says something that cannot be; exit status 2.
class TypingError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What main was given.
struct ProgramArguments {
  int argc;
  char** argv;
};

class Command {
 public:
  Command() = default;
  Command(Command const&) = delete;
  Command& operator=(Command const&) = delete;
  virtual ~Command() = default;

  /// Called once the command line has been read and is about this command. Returns the exit status. What is thrown is
  /// told in one line. A command makes the Runtime itself, when all has been checked that can be without one.
  virtual int run(ProgramArguments arguments) = 0;

  /// Before run(): what stood behind `--`, which may begin with dashes. Throws TypingError where no inputs are taken.
  virtual void add_inputs(std::vector<std::string> inputs);
};

/// Adds its subcommand with its options to the application.
struct CommandEntry {
  CLI::App* app;
  std::unique_ptr<Command> command;
};
using CommandMaker = CommandEntry (*)(CLI::App& parent);

CommandEntry make_map_command(CLI::App& parent);
CommandEntry make_tasks_command(CLI::App& parent);
CommandEntry make_doctor_command(CLI::App& parent);
CommandEntry make_report_command(CLI::App& parent);

/// For a program that has further subcommands: before main.
bool add_command(CommandMaker maker);

/// --source, --launcher, --hosts and --hostfile: where ranks come from.
struct SourceArguments {
  std::string source{};
  std::string launcher{};
  std::string hosts{};
  std::string hostfile{};

  void add_to(CLI::App& app);
  /// Before the Runtime: makes them those of this process, by its environment.
  void use() const;
};

/// --ranks-per-task, --max-ranks, --stage, --keep, --trace and those of SourceArguments, as all commands that run tasks
/// have them.
struct PoolArguments {
  SourceArguments source{};
  int ranks_per_task = 1;
  int max_ranks = 0;
  std::string stage{};
  bool keep = false;
  std::string trace{};

  void add_to(CLI::App& app);
  /// Before the Runtime. Checks the stage directory, and makes it, the trace and the source of ranks those of this
  /// process. Throws StageError.
  void use() const;
  /// Where max_ranks is not given and nothing limits it, a group fits in at least. Needs the Runtime.
  [[nodiscard]] MPISpawnPool::Options pool_options() const;
};

/// A check of CLI11: a number above 0.
[[nodiscard]] CLI::Validator above_zero();

/// As one line to the standard error, whatever line breaks are in it.
void complain(std::string_view text);

/// Writes `text` to the standard output, to be seen at once where `now`. Throws std::system_error.
void print_out(std::string const& text, bool now = false);

}  // namespace farm::detail
