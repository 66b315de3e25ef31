#include "core/text/byte_order_mark.hpp"
#include "core/text/exception_text.hpp"
#include "core/text/nearest_word.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/map/error_record.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/pool_arguments.hpp"
#include "spawn/program/typing_error.hpp"
#include "spawn/runtime/interrupt.hpp"

#include <farm/error.hpp>
#include <farm/runtime.hpp>
#include <farm/task_registry.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

struct Input {
  std::string text;
  NamedCall call;
};

NamedTask const& find_task(std::string const& name) {
  std::vector<std::string> names;
  for (auto const& task : named_tasks()) {
    if (task.name == name) return task;
    names.push_back(task.name);
  }
  throw TypingError(unknown_word("task", name, names));
}

class MapCommand final : public Command {
 public:
  explicit MapCommand(CLI::App& app) {
    app.add_option("TASK", task_, "Name of the task; `farm tasks` lists them")->required();
    inputs_ = app.add_option(
        "INPUT", "The arguments of one task: a JSON value, or several separated by commas; strings need no quotes");
    inputs_->expected(0, CLI::detail::expected_max_vector_size)->allow_extra_args()->type_name("");
    app.add_option("--over", over_, "File of further inputs, one per line; - is the standard input")->type_name("FILE");
    pool_.add_to(app);
    app.add_flag("--json", json_,
                 R"(Print one JSON object per line, and nothing else: {"input":...,"result":...} )"
                 R"(or {"input":...,"error":{"type":...,"text":...,"rank":...,"host":...}})");
    app.footer(
        "Results are printed in the order of the inputs, as soon as they arrive. All inputs are read before the first "
        "task starts.\n"
        "Write inputs that begin with a dash, other than numbers, at the end after --.\n"
        "Numbers that JSON does not have are the strings \"nan\", \"inf\" and \"-inf\"; a string that is not UTF-8 is "
        "{\"base64\":\"...\"}. Inputs are read in these forms as well.\n"
        "With --json, everything that tasks and libraries print goes to the standard error.");
  }

  int run(ProgramArguments arguments) override {
    auto const& task = find_task(task_);
    std::vector<Input> inputs;
    for (auto const& text : inputs_->results()) add(inputs, task, text, "");
    for (auto const& text : further_inputs_) add(inputs, task, text, "");
    if (!over_.empty()) read_file(inputs, task);
    if (inputs.empty() && over_.empty()) {
      throw TypingError(
          fmt::format("no inputs for {}: write them after its name, or name a file of inputs with --over", task.name));
    }
    pool_.use();

    Runtime const runtime{arguments.argc, arguments.argv};
    MPISpawnPool pool{pool_.pool_options()};
    return run_all(pool, std::move(inputs));
  }

  void add_inputs(std::vector<std::string> inputs) override { further_inputs_ = std::move(inputs); }

 private:
  static void add(std::vector<Input>& inputs, NamedTask const& task, std::string text, std::string const& where) {
    try {
      auto call = task.read(text);
      inputs.push_back({std::move(text), std::move(call)});
    } catch (UsageError const& error) {
      throw UsageError(fmt::format("{}{}: {}", where, task.name, error.what()));
    }
  }

  void read_file(std::vector<Input>& inputs, NamedTask const& task) const {
    std::ifstream file;
    bool const standard = over_ == "-";
    if (!standard) {
      errno = 0;
      file.open(over_);
      if (file) file.peek();  // opening a directory succeeds, reading it fails
      if (file.bad() || !file.is_open()) throw std::system_error(errno, std::generic_category(), over_);
      file.clear();
    }
    std::istream& lines = standard ? std::cin : file;
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (number == 1) remove_byte_order_mark(line);
      if (line.ends_with('\r')) line.pop_back();
      if (line.empty() && !task.arguments.empty()) continue;
      add(inputs, task, line, fmt::format("{}:{}: ", standard ? "standard input" : over_, number));
    }
    if (lines.bad()) throw std::system_error(errno, std::generic_category(), over_);
  }

  [[nodiscard]] int run_all(MPISpawnPool& pool, std::vector<Input> inputs) const {
    std::vector<NamedResult> results;
    results.reserve(inputs.size());
    for (auto& input : inputs) {
      results.push_back(input.call.submit(pool, {}));
      input.call.submit = nullptr;  // the task has packed its arguments, so free them
    }
    bool failed = false;
    try {
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (!results[i].done()) print_out("", true);  // show all finished results before blocking
        try {
          failed |= !print(inputs[i], results[i]);
        } catch (SpawnError const& error) {  // all tasks that have not run fail with it
          complain(error.what());
          print_rest(inputs, results, i, error);
          failed = true;
          break;
        }
        results[i] = {};
      }
    } catch (...) {
      pool.shutdown(true, true);
      throw;
    }
    return failed ? 1 : 0;
  }

  /// Prints the results of the inputs from `first` on that have one, and `error` for the others.
  void print_rest(std::vector<Input>& inputs, std::vector<NamedResult>& results, std::size_t first,
                  SpawnError const& error) const {
    for (auto i = first; i < inputs.size(); ++i) {
      try {
        if (results[i].done()) {
          static_cast<void>(print(inputs[i], results[i]));
          continue;
        }
      } catch (SpawnError const&) {  // the same as `error`
      }
      print_error(inputs[i], error);
    }
  }

  /// Prints one result, or the error of a task that failed. Returns false if the task failed. Throws errors that every
  /// other task would have too.
  [[nodiscard]] bool print(Input& input, NamedResult const& result) const {
    TextValue value;
    try {
      value = result.get();
    } catch (SpawnError const&) {
      throw;
    } catch (std::exception const& error) {
      bool const has_reader = Interrupt::status() != 128 + SIGPIPE;
      if (has_reader) complain(fmt::format("input \"{}\": {}", input.text, text_of(error)));
      print_error(input, error);
      return false;
    }
    if (json_) {
      TextValue::Members object;
      object.add("input", std::move(input.call.input));
      object.add("result", std::move(value));
      print_out(to_json(object) + '\n');
    } else if (std::holds_alternative<std::nullptr_t>(value.value)) {
      print_out("done\n");
    } else {
      print_out(to_text(value) + '\n');
    }
    return true;
  }

  void print_error(Input& input, std::exception const& error) const {
    if (!json_) return;
    TextValue::Members object;
    object.add("input", std::move(input.call.input));
    object.add("error", {.value = error_record(error)});
    print_out(to_json(object) + '\n');
  }

  std::string task_;
  CLI::Option* inputs_ = nullptr;
  std::vector<std::string> further_inputs_;
  std::string over_;
  PoolArguments pool_;
  bool json_ = false;
};

}  // namespace

CommandEntry make_map_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("map", "Run one task for each input");
  return {app, std::make_unique<MapCommand>(*app)};
}

}  // namespace farm::detail
