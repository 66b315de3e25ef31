#include "spawn/program/map/map_command.hpp"

#include "core/text/exception_text.hpp"
#include "core/text/nearest_word.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/environment/terminal.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/map/gathered_results.hpp"
#include "spawn/program/map/map_arguments.hpp"
#include "spawn/program/map/task_sweep.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/runtime.hpp>
#include <farm/stage_run.hpp>
#include <farm/task_registry.hpp>

#include <fmt/format.h>

#include <poll.h>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

namespace farm::detail {
namespace {

NamedTask const& find_task(std::string const& name) {
  std::vector<std::string> names;
  for (auto const& task : named_tasks()) {
    if (task.name == name) return task;
    names.push_back(task.name);
  }
  throw TypingError(unknown_word("task", name, names));
}

/// Returns a directory for what tasks print, which is removed at the end of the Runtime.
std::string make_directory_of_tags() {
  auto const directory = current_stage_run()->directory() / "output";
  std::filesystem::create_directories(directory);
  return directory.string();
}

/// Returns false, and says why, if the file cannot be written.
bool write(GatheredResults const& gathered, MapArguments const& arguments) {
  try {
    gathered.write();
    return true;
  } catch (std::exception const& error) {
    complain(fmt::format("--gather {}: {}", arguments.gather, text_of(error)));
    return false;
  }
}

/// Prints what would run.
int print_inputs(NamedTask const& task, InputSource& source, bool json) {
  for (Input input;;) {
    auto const state = source.next(input);
    if (state == InputSource::State::end) break;
    if (state == InputSource::State::wait) {
      pollfd request{.fd = source.descriptor(), .events = POLLIN, .revents = 0};
      poll(&request, 1, -1);
      continue;
    }
    if (input.error) std::rethrow_exception(input.error);
    if (json) {
      TextValue::Members record;
      record.add("index", {.value = std::uint64_t{input.index}});
      if (input.line) record.add("line", {.value = std::uint64_t{*input.line}});
      record.add("input", std::move(input.call.input));
      print_out(to_json(record) + '\n');
    } else if (!input.call.command.empty()) {
      print_out(input.call.command + '\n');
    } else {
      print_out(fmt::format("{} {}\n", task.name, to_text(input.call.input)));
    }
  }
  return 0;
}

class MapCommand final : public Command {
 public:
  explicit MapCommand(CLI::App& app) {
    arguments_.add_to(app);
    app.footer(
        "Results are printed in the order of the inputs, as soon as they arrive. Inputs of the command line and of "
        "files are checked before the first task starts; those of pipes are run as they come.\n"
        "Write inputs that begin with a dash, other than numbers, at the end after --.\n"
        "Numbers that JSON does not have are the strings \"nan\", \"inf\" and \"-inf\"; a string that is not UTF-8 is "
        "{\"base64\":\"...\"}. Inputs are read in these forms as well.\n"
        "A record of --json and --output has index, line (of inputs from files), input, result or error, attempts and "
        "seconds. An error has type, text, rank and host.\n"
        "With --json, everything that tasks and libraries print goes to the standard error.");
  }

  int run(ProgramArguments arguments) override {
    auto& inputs = arguments_.inputs;
    if (arguments_.task.empty() && !inputs.words.empty()) {  // the name comes after --
      arguments_.task = inputs.words.front();
      inputs.words.erase(inputs.words.begin());
    }
    if (arguments_.task.empty()) throw TypingError("TASK is required; see farm map --help");
    auto const& task = find_task(arguments_.task);
    if (inputs.words.empty() && inputs.grid.empty() && inputs.csv.empty() && inputs.over.empty()) {
      throw TypingError(
          fmt::format("no inputs for {}: write them after its name, or name a file of inputs with --over", task.name));
    }
    return map_inputs(task, arguments_, arguments);
  }

  void add_inputs(std::vector<std::string> inputs) override {
    for (auto& input : inputs) arguments_.inputs.words.push_back(std::move(input));
  }

 private:
  MapArguments arguments_;
};

}  // namespace

int map_inputs(NamedTask const& task, MapArguments const& arguments, ProgramArguments program) {
  bool is_complete = false;
  auto const count = check_inputs(task, arguments.inputs, is_complete);
  InputSource source{task, arguments.inputs};
  if (arguments.dry_run) return print_inputs(task, source, arguments.json);
  std::optional<GatheredResults> gathered;
  if (!arguments.gather.empty()) gathered.emplace(task, arguments.gather);
  arguments.pool.use();

  auto const completions = std::make_shared<Completions>();
  SweepSignals signals{completions, arguments.drains};
  Runtime const runtime{program.argc, program.argv};
  if (launched_as().rank > 0) return 0;  // groups are launched: the first process of this job is the master
  ResultOutput output{arguments.output, !arguments.unordered};
  auto options = arguments.pool_options();
  bool const keeps_logs = !arguments.logs.empty();
  if (arguments.tags && !keeps_logs) options.workers.output_directory = make_directory_of_tags();
  TaggedOutput const tags{options.workers.output_directory, options.ranks_per_task, !keeps_logs};
  NamedTaskPool pool{options};
  TaskSweep sweep{{task, pool, source, output, signals, completions, arguments.tags ? &tags : nullptr,
                   gathered ? &*gathered : nullptr},
                  arguments,
                  count,
                  is_complete};
  try {
    sweep.run();
  } catch (...) {
    pool.shutdown(true, true);
    throw;
  }
  bool const has_gathered = !gathered || write(*gathered, arguments);
  bool const has_reader = signals.interrupted_by() != SIGPIPE;
  // scripts may read both outputs as one, and expect nothing but results if all went well
  bool const is_news = !sweep.has_done_all() || terminal_columns() > 0;
  if (is_news && !arguments.quiet && has_reader) print_error_line(sweep.summary());
  if (signals.drained_by() != 0) return 128 + signals.drained_by();
  return sweep.counts().failed > 0 || !has_gathered ? 1 : 0;
}

CommandEntry make_map_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("map", "Run one task for each input");
  return {app, std::make_unique<MapCommand>(*app)};
}

}  // namespace farm::detail
