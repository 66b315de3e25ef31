// `task info` and `task explain`.
#include "core/resources/memory_text.hpp"
#include "spawn/by_name/time_text.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/report/text_table.hpp"
#include "spawn/program/service/selector.hpp"
#include "spawn/program/service/service_arguments.hpp"
#include "spawn/program/service/shown_text.hpp"

#include <farm/detail/text_value.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {
namespace {

std::string error_of(TaskFailure const& error) {
  auto text = error.type.empty() ? error.text : fmt::format("{}: {}", error.type, error.text);
  if (error.rank) text = fmt::format("rank {}: {}", *error.rank, text);
  return one_line(error.host.empty() ? text : fmt::format("{}: {}", error.host, text));
}

std::string text_of(TaskReply const& task) {
  std::string text;
  auto const add = [&](std::string_view name, std::string const& value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", name, value);
  };
  add("task", fmt::format("{}.{}", task.job, task.task));
  add("name", one_line(task.name));
  add("state", std::string{word_of(task.state)});
  if (!task.input.empty() && task.input != "null") add("input", one_line(to_text(read_text(task.input))));
  if (!task.result.empty()) add("result", one_line(to_text(read_text(task.result))));
  if (task.error) add("error", error_of(*task.error));
  if (task.progress) add("progress", fmt::format("{:.0f}%", 100 * *task.progress));
  std::vector<std::string> needs;
  for (auto const need : task.needs) needs.push_back(fmt::format("{}.{}", task.job, need));
  add("needs", fmt::format("{}", fmt::join(needs, ", ")));
  if (task.peak_memory > 0) add("memory", fmt::format("{} at most", memory_text(task.peak_memory)));
  if (task.history.empty()) return text;
  TextTable table{{"attempt", "state", "group", "hosts", "started", "time", "text"}, true};
  for (auto const& attempt : task.history) {
    bool const has_time = attempt.started && attempt.ended;
    table.add({std::to_string(attempt.attempt), one_line(attempt.state),
               attempt.group == 0 ? std::string{"-"} : std::to_string(attempt.group),
               attempt.hosts.empty() ? std::string{"-"} : one_line(attempt.hosts), moment_text(attempt.started),
               has_time ? time_text(*attempt.ended - *attempt.started) : std::string{"-"}, one_line(attempt.text)});
  }
  return text + '\n' + table.text();
}

class TaskInfoCommand final : public Command {
 public:
  explicit TaskInfoCommand(CLI::App& app) {
    app.add_option("JOB.TASK", task_, "The task, as 5.2 or last.0")->type_name("")->required();
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    auto requests = service_.requests();
    auto const task = requests.task(selected_task(task_, requests));
    if (service_.mode == OutputMode::json) {
      print_out(task.json + '\n');
    } else if (service_.mode == OutputMode::quiet) {
      print_out(fmt::format("{}\n", word_of(task.state)));
    } else {
      print_out(text_of(task));
    }
    return 0;
  }

 private:
  std::string task_;
  ServiceArguments service_;
};

class TaskExplainCommand final : public Command {
 public:
  explicit TaskExplainCommand(CLI::App& app) {
    app.add_option("JOB.TASK", task_, "The task, as 5.2 or last.0")->type_name("")->required();
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    auto requests = service_.requests();
    auto const name = selected_task(task_, requests);
    auto const [state, why] = requests.explain(name);
    if (service_.mode == OutputMode::json) {
      TextValue::Members object;
      object.add("job", {.value = name.job});
      object.add("task", {.value = name.task});
      object.add("state", {.value = state});
      object.add("why", {.value = why});
      print_out(to_json(object) + '\n');
    } else if (service_.mode == OutputMode::quiet) {
      print_out(one_line(state) + '\n');
    } else {
      print_out(fmt::format("task {}.{} is {}{}{}\n", name.job, name.task, one_line(state), why.empty() ? "" : ": ",
                            one_line(why)));
    }
    return 0;
  }

 private:
  std::string task_;
  ServiceArguments service_;
};

CommandEntry make_task_info_command(CLI::App& parent) {
  auto* const app =
      parent.add_subcommand("info", "Tell all about a task: its attempts, where they ran, how they ended");
  return {app, std::make_unique<TaskInfoCommand>(*app)};
}

CommandEntry make_task_explain_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("explain", "Tell why a task does not run now");
  return {app, std::make_unique<TaskExplainCommand>(*app)};
}

}  // namespace

CommandEntry make_task_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("task", "Tell about a task of a job");
  return {app, std::make_unique<CommandGroup>(
                   *app, std::vector<CommandMaker>{make_task_info_command, make_task_explain_command})};
}

}  // namespace farm::detail
