// `job list`, `job info` and `job tasks`.
#include "spawn/by_name/time_text.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/service/job/job_commands.hpp"
#include "spawn/program/service/job/listed_states.hpp"
#include "spawn/program/service/selector.hpp"
#include "spawn/program/service/service_arguments.hpp"
#include "spawn/program/service/shown_text.hpp"

#include <farm/detail/text_value.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <vector>

namespace farm::detail {
namespace {

constexpr std::size_t longest_cell = 60;

/// Returns what a job runs: its function, or its command.
std::string what_runs(JobReply const& job) {
  return job.function.empty() ? fmt::format("{}", fmt::join(job.command, " ")) : job.function;
}

class JobListCommand final : public Command {
 public:
  explicit JobListCommand(CLI::App& app) {
    app.add_option("JOB", jobs_, "Only these jobs, as 1-10 (default: all)")->type_name("");
    add_state_option(app, state_);
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    Selector const selector{jobs_, "JOB"};
    auto const state = state_option(state_);
    auto requests = service_.requests();
    Listing listing{service_.mode, {"job", "state", "tasks", "finished", "failed", "running", "submitted", "name"}};
    std::optional<JobReply> last;
    auto const add = [&](JobReply const& job) {
      auto const name = job.name.empty() ? what_runs(job) : job.name;
      listing.add(
          job.json, std::to_string(job.job),
          {std::to_string(job.job), std::string{word_of(job.state)}, std::to_string(job.tasks),
           std::to_string(job.count(TaskState::finished)), std::to_string(job.count(TaskState::failed)),
           std::to_string(job.count(TaskState::running)), moment_text(job.submitted), one_line(name, longest_cell)});
    };
    requests.for_each_job(state, [&](JobReply const& job) {
      if (selector.is_last()) last = job;
      if (selector.contains(job.job)) add(job);
    });
    if (last) add(*last);
    listing.finish(state_.empty() && jobs_ == "all" ? "there are no jobs" : "there are no such jobs");
    return 0;
  }

 private:
  std::string jobs_ = "all";
  std::string state_;
  ServiceArguments service_;
};

class JobInfoCommand final : public Command {
 public:
  explicit JobInfoCommand(CLI::App& app) {
    app.add_option("JOB", jobs_, "The jobs, as 5, 1-3 or last")->type_name("")->required();
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    auto requests = service_.requests();
    bool is_first = true;
    for (auto const number : selected_jobs(jobs_, requests)) {
      auto const job = requests.job(number);
      if (service_.mode == OutputMode::json) {
        print_out(job.json + '\n');
      } else if (service_.mode == OutputMode::quiet) {
        print_out(fmt::format("{}\n", word_of(job.state)));
      } else {
        print_out((is_first ? "" : "\n") + text_of(job));
      }
      is_first = false;
    }
    return 0;
  }

 private:
  static std::string text_of(JobReply const& job) {
    std::string text;
    auto const add = [&](std::string_view name, std::string const& value) {
      if (!value.empty()) text += fmt::format("{:<10} {}\n", name, value);
    };
    add("job", std::to_string(job.job));
    add("name", one_line(job.name));
    add("state", std::string{word_of(job.state)});
    add("why", one_line(job.why));
    add(job.function.empty() ? "command" : "task", one_line(what_runs(job)));
    add("tasks", fmt::format("{} on {} each", counted(job.tasks, "task"),
                             counted(static_cast<std::uint64_t>(job.ranks), "rank")));
    std::vector<std::string> counts;
    for (std::size_t i = 0; i < task_states; ++i) {
      if (job.counts[i] > 0) counts.push_back(fmt::format("{} {}", job.counts[i], word_of(static_cast<TaskState>(i))));
    }
    add("states", fmt::format("{}", fmt::join(counts, ", ")));
    add("submitted", moment_text(job.submitted));
    add("started", moment_text(job.started));
    add("ended", moment_text(job.ended));
    if (job.rate > 0) add("rate", fmt::format("{:.3g} tasks/s", job.rate));
    if (job.seconds_left) add("left", "about " + time_text(*job.seconds_left));
    if (job.priority != 0) add("priority", std::to_string(job.priority));
    add("after", fmt::format("{}", fmt::join(job.after, ",")));
    if (job.first_error) {
      auto const& error = *job.first_error;
      auto const where = error.host.empty() ? std::string{} : fmt::format(" on {}", error.host);
      add("error", one_line(fmt::format("task {}.{}{}: {}{}{}", job.job, error.task.value_or(0), where, error.type,
                                        error.type.empty() ? "" : ": ", error.text)));
    }
    return text;
  }

  std::string jobs_;
  ServiceArguments service_;
};

class JobTasksCommand final : public Command {
 public:
  explicit JobTasksCommand(CLI::App& app) {
    app.add_option("JOB", jobs_, "The jobs, as 5, 1-3 or last")->type_name("")->required();
    add_state_option(app, state_);
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    auto const state = state_option(state_);
    auto requests = service_.requests();
    Listing listing{service_.mode, {"task", "state", "attempts", "time", "hosts", "input", "result"}};
    for (auto const number : selected_jobs(jobs_, requests)) {
      requests.for_each_task(number, state, [&](TaskReply const& task) {
        auto const name = fmt::format("{}.{}", task.job, task.task);
        listing.add(task.json, name,
                    {name, std::string{word_of(task.state)}, std::to_string(task.attempts),
                     has_ended(task.state) ? time_text(task.seconds) : std::string{"-"},
                     one_line(task.hosts, longest_cell), shown_input(task), shown_result(task)});
      });
    }
    listing.finish("there are no such tasks");
    return 0;
  }

 private:
  static std::string shown_input(TaskReply const& task) {
    auto const input = task.input.empty() || task.input == "null" ? std::string{"-"} : to_text(read_text(task.input));
    return one_line(task.name.empty() ? input : fmt::format("{}: {}", task.name, input), longest_cell);
  }
  static std::string shown_result(TaskReply const& task) {
    if (task.error) {
      auto const& error = *task.error;
      return one_line(error.type.empty() ? error.text : fmt::format("{}: {}", error.type, error.text), longest_cell);
    }
    if (task.progress) return fmt::format("at {:.0f}%", 100 * *task.progress);
    return task.result.empty() ? std::string{} : one_line(to_text(read_text(task.result)), longest_cell);
  }

  std::string jobs_;
  std::string state_;
  ServiceArguments service_;
};

}  // namespace

CommandEntry make_job_list_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("list", "List the jobs, the oldest first");
  return {app, std::make_unique<JobListCommand>(*app)};
}

CommandEntry make_job_info_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("info", "Tell all about jobs");
  return {app, std::make_unique<JobInfoCommand>(*app)};
}

CommandEntry make_job_tasks_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("tasks", "List the tasks of jobs");
  return {app, std::make_unique<JobTasksCommand>(*app)};
}

}  // namespace farm::detail
