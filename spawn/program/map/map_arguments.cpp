#include "spawn/program/map/map_arguments.hpp"

#include "spawn/by_name/number_text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

/// Reads a time such as 90, 0.5, 90s, 500ms, 2m or 1.5h. Returns a time that is not above 0 if the text is wrong.
std::chrono::duration<double> read_time(std::string text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  double factor = 1;
  for (auto const& [name, seconds] : {Unit{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}) {
    if (!text.ends_with(name)) continue;
    text.resize(text.size() - name.size());
    factor = seconds;
    break;
  }
  auto const number = read_number(text);
  if (!number || !number->is_in_range || !std::isfinite(number->value)) return {};
  return std::chrono::duration<double>{number->value * factor};
}

CLI::Validator number_from(int least) {
  return CLI::Validator{
      [least](std::string const& text) {
        int value = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc::result_out_of_range) return fmt::format("'{}' was given, which is too large", text);
        bool const is_good = error == std::errc{} && end == text.data() + text.size() && value >= least;
        return is_good ? std::string{} : fmt::format("'{}' was given, a number from {} on is expected", text, least);
      },
      ""};
}

void add_inputs(CLI::App& app, InputArguments& inputs) {
  app.add_option("INPUT", inputs.words,
                 "The arguments of one task: a JSON value, or several separated by commas; strings need no quotes")
      ->expected(0, CLI::detail::expected_max_vector_size)
      ->allow_extra_args()
      ->type_name("");
  app.add_option("--over", inputs.over,
                 "File of further inputs, one per line; - is the standard input. The records of --json are inputs too")
      ->type_name("FILE");
  app.add_option("--csv", inputs.csv,
                 "Table of further inputs; its first line names the parameters; - is the standard input")
      ->type_name("FILE");
  app.add_option("--grid", inputs.grid,
                 "All combinations of values: alpha=0.1:1:0.1 n=64,128; a range is BEGIN:END:STEP with its END")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->type_name("NAME=VALUES");
}

CLI::Option* add_time(CLI::App& app, std::string const& name, std::function<void(std::chrono::nanoseconds)> use,
                      std::string const& description) {
  CLI::Validator const is_time{
      [](std::string const& text) {
        auto const time = read_time(text);
        bool const is_good = time.count() > 0 && time.count() < 9e9;
        return is_good ? std::string{}
                       : fmt::format("'{}' was given, a time above 0 is expected: 90, 500ms, 2m, 1h", text);
      },
      ""};
  return app
      .add_option_function<std::string>(
          name,
          [use = std::move(use)](std::string const& text) {
            use(std::chrono::duration_cast<std::chrono::nanoseconds>(read_time(text)));
          },
          description)
      ->check(is_time)
      ->type_name("TIME");
}

void add_task_options(CLI::App& app, MapArguments& map) {
  add_time(
      app, "--timeout", [&map](std::chrono::nanoseconds time) { map.task_options.timeout = time; },
      "Time limit of each task, from its start: 90, 500ms, 2m, 1h; the task then fails and is stopped");
  app.add_option("--retries", map.task_options.retries, "How often a task runs again after it threw (default: 0)")
      ->check(number_from(0))
      ->type_name("N");
  app.add_option("--max-losses", map.max_losses, "Lost groups after which a task is given up (default: 3)")
      ->check(number_from(1))
      ->type_name("N");
  app.add_option("--max-fails", map.max_fails,
                 "Start no further tasks once so many inputs have failed (default: no limit)")
      ->check(number_from(1))
      ->type_name("N");
  app.add_flag("--rerun-after-exit", map.reruns_after_exit,
               "Run a task again, up to --max-losses, also after it has ended its process itself: exit(), MPI_Abort");
  app.add_option("--env", map.environment, "A variable for the tasks; may be given several times")
      ->expected(1)
      ->take_all()
      ->check(CLI::Validator{[](std::string const& text) {
                               auto const equals = text.find('=');
                               bool const is_good = equals != std::string::npos && equals != 0;
                               return is_good ? std::string{}
                                              : fmt::format("'{}' was given, NAME=VALUE is expected", text);
                             },
                             ""})
      ->type_name("NAME=VALUE");
  app.add_option("--workdir", map.working_directory, "Directory in which the tasks run (default: this one)")
      ->type_name("DIR");
}

}  // namespace

void MapArguments::add_to(CLI::App& app) {
  app.add_option("TASK", task, "Name of the task; `farm tasks` lists them")->type_name("");
  add_common_to(app);
  app.add_option("--chunksize", chunksize,
                 "Inputs that one rank computes as one task (default: 1). For --ranks-per-task 1 without --retries and "
                 "--tag; --timeout then limits the chunk, and inputs of a chunk that fails run again one by one")
      ->check(number_from(1))
      ->type_name("N");
  app.add_option("--gather", gather,
                 "Copy the results, which are arrays of the same extents, to a new dataset of an HDF5 file at the end, "
                 "as all.h5:/u, in the order of the inputs; the group /inputs gets a dataset for each parameter")
      ->type_name("FILE:DATASET");
}

void MapArguments::add_common_to(CLI::App& app) {
  add_inputs(app, inputs);
  add_task_options(app, *this);
  app.add_option("--output", output,
                 "Append the results to a file as JSON records, each as soon as its task ends, in place of printing")
      ->type_name("FILE");
  app.add_option("--logs", logs, "Directory for what tasks print: a file for each task and rank")->type_name("DIR");
  app.add_flag("--tag", tags, "Begin each line with its input: results, and what tasks print, when the task ends");
  app.add_flag("--unordered", unordered, "Print results as soon as they arrive, not in the order of the inputs");
  app.add_flag("--json", json, "Print one JSON record per input, and nothing else");
  app.add_flag("--dry-run", dry_run, "Only print what would run");
  app.add_flag("--quiet", quiet, "Show neither the progress nor the line at the end");
  add_time(
      app, "--progress", [this](std::chrono::nanoseconds time) { progress = time; },
      "Time between two lines of progress if the standard error is not a terminal (default: 30s)");
  app.add_flag("--drain", drains,
               "At the first Ctrl-C or SIGTERM, let the tasks that run come to their end, and start no others");
  pool.add_to(app);
}

std::size_t MapArguments::inputs_per_task() const {
  bool const may_be_more = pool.ranks_per_task == 1 && task_options.retries == 0 && !tags;
  return may_be_more ? static_cast<std::size_t>(chunksize) : 1;
}

MPISpawnPool::Options MapArguments::pool_options() const {
  auto options = pool.pool_options();
  options.rerun_after_exit = reruns_after_exit;
  options.max_losses = max_losses;
  for (auto const& variable : environment) {
    auto const equals = variable.find('=');
    options.workers.environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  auto const absolute = [](std::string const& path) { return std::filesystem::absolute(path).string(); };
  if (!working_directory.empty()) options.workers.working_directory = absolute(working_directory);
  if (!logs.empty()) {
    std::error_code error;
    std::filesystem::create_directories(logs, error);
    if (error) throw std::system_error(error, "--logs " + logs);
    options.workers.output_directory = absolute(logs);
  }
  return options;
}

}  // namespace farm::detail
