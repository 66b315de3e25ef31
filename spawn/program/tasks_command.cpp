#include "spawn/program/command.hpp"
#include "spawn/program/output.hpp"

#include <farm/task_registry.hpp>

namespace farm::detail {
namespace {

class TasksCommand final : public Command {
 public:
  explicit TasksCommand(CLI::App& app) { app.add_flag("--json", json_, "Print one JSON object per line"); }

  int run(ProgramArguments /*arguments*/) override {
    for (auto const& task : named_tasks()) print_out((json_ ? to_json(task.description()) : task.signature()) + '\n');
    return 0;
  }

 private:
  bool json_ = false;
};

}  // namespace

CommandEntry make_tasks_command(CLI::App& parent) {
  auto* const app =
      parent.add_subcommand("tasks", "List the tasks of this program, with the types of their arguments and results");
  return {app, std::make_unique<TasksCommand>(*app)};
}

}  // namespace farm::detail
