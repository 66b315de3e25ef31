#include "spawn/program/map/map_arguments.hpp"

#include "spawn/by_name/time_text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

namespace farm::detail {

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

void add_input_options(CLI::App& app, InputArguments& inputs) {
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

CLI::Option* add_time_option(CLI::App& app, std::string const& name, std::function<void(std::chrono::nanoseconds)> use,
                             std::string const& description) {
  CLI::Validator const is_time{
      [](std::string const& text) {
        auto const time = read_time(text).value_or(0);
        bool const is_good = time > 0 && time < 9e9;
        return is_good ? std::string{}
                       : fmt::format("'{}' was given, a time above 0 is expected: 90, 500ms, 2m, 1h30m", text);
      },
      ""};
  return app
      .add_option_function<std::string>(
          name,
          [use = std::move(use)](std::string const& text) {
            std::chrono::duration<double> const time{read_time(text).value_or(0)};
            use(std::chrono::duration_cast<std::chrono::nanoseconds>(time));
          },
          description)
      ->check(is_time)
      ->type_name("TIME");
}

void add_environment_option(CLI::App& app, std::vector<std::string>& environment) {
  app.add_option("--env", environment, "A variable for the tasks; may be given several times")
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
}

std::map<std::string, std::string> environment_of(std::vector<std::string> const& variables) {
  std::map<std::string, std::string> environment;
  for (auto const& variable : variables) {
    auto const equals = variable.find('=');
    environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return environment;
}

namespace {

void add_task_options(CLI::App& app, MapArguments& map) {
  add_time_option(
      app, "--timeout", [&map](std::chrono::nanoseconds time) { map.task_options.timeout = time; },
      "Time limit of each task, from its start: 90, 500ms, 2m, 1h30m; the task then fails and is stopped");
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
  add_environment_option(app, map.environment);
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
  app.add_option("--cache", cache,
                 "Take results that this directory has from there, and keep new ones in it: a sweep that was stopped "
                 "goes on where it was (default: FARM_CACHE)")
      ->type_name("DIR");
  app.add_option("--gather", gather,
                 "Copy the results, which are arrays of the same extents, to a new dataset of an HDF5 file at the end, "
                 "as all.h5:/u, in the order of the inputs; the group /inputs gets a dataset for each parameter")
      ->type_name("FILE:DATASET");
}

void MapArguments::add_common_to(CLI::App& app) {
  add_input_options(app, inputs);
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
  add_time_option(
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
  for (auto const& [name, value] : environment_of(environment)) options.workers.environment[name] = value;
  options.cache_directory = cache;
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
