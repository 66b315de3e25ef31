#include "core/base/settings.hpp"
#include "core/text/nearest_word.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/map/map_command.hpp"
#include "spawn/program/run/program_template.hpp"
#include "spawn/program/typing_error.hpp"
#include "spawn/runner/find_program.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

class RunCommand final : public Command {
 public:
  explicit RunCommand(CLI::App& app) {
    arguments_.shows_values = false;
    arguments_.add_common_to(app);
    app.add_option("--task-dir", program_.directory,
                   "Directory of each task, which is made if it is not there; a text without fields gets /{task}")
        ->type_name("DIR");
    app.add_option("--stdin", program_.input_file, "File that the program reads as its standard input")
        ->type_name("FILE");
    app.add_option("--stdout", program_.output_file, "File for the standard output of each task")->type_name("FILE");
    app.add_option("--stderr", program_.error_file, "File for the standard error of each task")->type_name("FILE");
    app.add_flag("--no-mpi", no_mpi_, "Start one process on the first rank of each group, without a launcher");
    app.footer(
        "farm run [INPUT...] [OPTIONS] -- COMMAND ARGUMENT...\n"
        "Runs the command once for each input, or once if there are no inputs. On groups of several ranks, the "
        "launcher "
        "starts it with as many processes. No shell reads the command.\n"
        "In the command, --task-dir, --stdin, --stdout and --stderr, a column of the inputs stands in braces: {alpha}. "
        "{} is the input, {1} and {2} are its first and second value. {task} is the number of the task, from 0, "
        "{attempt} "
        "that of the attempt, from 1, {ranks} the number of ranks, and {host} the host. {{ and }} are braces.\n"
        "A task whose program exits with another status than 0 has failed. The result in a record has status, signal, "
        "seconds, peak_memory (bytes) and host; the error of a program has status, signal and peak_memory, too.");
  }

  int run(ProgramArguments arguments) override {
    if (command_.empty())
      throw TypingError("the command is missing: farm run [INPUT...] [OPTIONS] -- COMMAND ARGUMENT...");
    auto& inputs = arguments_.inputs;
    program_.command = command_;
    program_.mpi = !no_mpi_;
    check_command();
    if (!program_.directory.empty()) {
      program_.make_directory = true;
      if (program_.directory.find('{') == std::string::npos) program_.directory += "/{task}";
    }
    ProgramTemplate const text{program_};
    bool const has_inputs =
        !inputs.words.empty() || !inputs.grid.empty() || !inputs.csv.empty() || !inputs.over.empty();
    if (!has_inputs && text.column_count() > 0) throw TypingError(missing_inputs(text));
    if (has_inputs && text.column_count() == 0) {
      throw TypingError("the command has no field for the inputs: write {} or {COLUMN} where they belong");
    }
    if (!has_inputs) inputs.words.emplace_back();
    return map_inputs(text.task(), arguments_, arguments);
  }

  void add_inputs(std::vector<std::string> words) override { command_ = std::move(words); }

 private:
  /// A path of a program is relative to the directory in which tasks run, and not to the tasks' own directories. Throws
  /// TypingError if the program is not there: all tasks would fail.
  void check_command() {
    auto& name = program_.command.front();
    if (name.find_first_of("{}") != std::string::npos) return;
    auto const directory = std::filesystem::absolute(arguments_.working_directory.empty()
                                                         ? std::filesystem::path{"."}
                                                         : std::filesystem::path{arguments_.working_directory})
                               .lexically_normal()
                               .string();
    if (name.find('/') != std::string::npos)
      name = (std::filesystem::path{directory} / name).lexically_normal().string();
    // other hosts may have other programs
    auto const& source = arguments_.pool.source;
    bool const may_be_elsewhere = !source.hosts.empty() || !source.hostfile.empty() || is_set(Setting::hosts) ||
                                  is_set(Setting::hostfile) || !environment_variable("SLURM_JOB_ID").empty();
    if (may_be_elsewhere) return;
    try {
      static_cast<void>(find_program(name, environment_variable("PATH"), directory));
    } catch (UsageError const& error) {
      throw TypingError(error.what());
    }
  }

  static std::string missing_inputs(ProgramTemplate const& text) {
    if (text.columns().empty()) return "the command has a field for inputs, but there are none";
    auto const& name = text.columns().front();
    auto const nearest = nearest_word(name, {"task", "attempt", "ranks", "host"});
    return nearest.empty()
               ? fmt::format(
                     "{{{}}} is a column of the inputs, but there are no inputs: give them with --grid, --csv or "
                     "--over; or write {{{{{}}}}} for the text itself",
                     name, name)
               : fmt::format("there are no inputs with a column {{{}}}: did you mean {{{}}}?", name, nearest);
  }

  MapArguments arguments_;
  Program program_;
  std::vector<std::string> command_;
  bool no_mpi_ = false;
};

}  // namespace

CommandEntry make_run_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("run", "Run a program once for each input");
  return {app, std::make_unique<RunCommand>(*app)};
}

}  // namespace farm::detail
