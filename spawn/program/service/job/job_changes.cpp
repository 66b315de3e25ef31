// The commands that change jobs: `job cancel`, `hold`, `release`, `retry`, `priority` and `forget`.
#include "spawn/program/output.hpp"
#include "spawn/program/service/job/job_commands.hpp"
#include "spawn/program/service/selector.hpp"
#include "spawn/program/service/service_arguments.hpp"
#include "spawn/program/service/shown_text.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

namespace farm::detail {
namespace {

/// A change of jobs that is told by a number of tasks.
struct Change {
  char const* name;
  char const* description;
  char const* past;  ///< "cancelled"
  bool takes_tasks;  ///< whether it may be about some tasks only
  std::uint64_t (*apply)(Requests& requests, std::uint64_t job, std::string const& tasks);
};

class ChangeCommand final : public Command {
 public:
  ChangeCommand(CLI::App& app, Change const& change) : change_(change) {
    app.add_option("JOB", jobs_, "The jobs, as 5, 1-3, all or last")->type_name("")->required();
    if (change.takes_tasks) app.add_option("--tasks", tasks_, "Only these tasks, as 0-5 or 1,3")->type_name("NUMBERS");
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    if (!tasks_.empty()) {
      Selector const selector{tasks_, "--tasks"};
      if (selector.is_all()) tasks_.clear();
    }
    auto requests = service_.requests();
    for (auto const job : selected_jobs(jobs_, requests)) {
      auto const count = change_.apply(requests, job, tasks_);
      if (service_.mode == OutputMode::json) {
        print_out(fmt::format("{{\"job\":{},\"tasks\":{}}}\n", job, count));
      } else if (service_.mode == OutputMode::text) {
        print_out(fmt::format("job {}: {} {}\n", job, counted(count, "task"), change_.past));
      }
    }
    return 0;
  }

 private:
  Change const& change_;
  std::string jobs_;
  std::string tasks_;
  ServiceArguments service_;
};

CommandEntry make_change(CLI::App& parent, Change const& change) {
  auto* const app = parent.add_subcommand(change.name, change.description);
  return {app, std::make_unique<ChangeCommand>(*app, change)};
}

class PriorityCommand final : public Command {
 public:
  explicit PriorityCommand(CLI::App& app) {
    app.add_option("JOB", jobs_, "The jobs, as 5, 1-3, all or last")->type_name("")->required();
    app.add_option("PRIORITY", priority_, "The new priority; higher ones first")->type_name("")->required();
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    auto requests = service_.requests();
    for (auto const job : selected_jobs(jobs_, requests)) {
      requests.set_priority(job, priority_);
      if (service_.mode == OutputMode::json) {
        print_out(fmt::format("{{\"job\":{},\"priority\":{}}}\n", job, priority_));
      } else if (service_.mode == OutputMode::text) {
        print_out(fmt::format("job {}: priority {}\n", job, priority_));
      }
    }
    return 0;
  }

 private:
  std::string jobs_;
  int priority_ = 0;
  ServiceArguments service_;
};

class ForgetCommand final : public Command {
 public:
  explicit ForgetCommand(CLI::App& app) {
    app.add_option("JOB", jobs_, "The jobs, as 5, 1-3, all or last")->type_name("")->required();
    service_.add_to(app);
    app.footer(
        "Removes jobs that have ended, with their results, arrays and logs. With all, those that have not ended "
        "stay.");
  }

  int run(ProgramArguments /*arguments*/) override {
    auto requests = service_.requests();
    bool const takes_ended = jobs_ == "all";
    for (auto const job : selected_jobs(jobs_, requests)) {
      if (takes_ended && !has_ended(requests.job(job).state)) continue;
      requests.forget(job);
      if (service_.mode == OutputMode::json) {
        print_out(fmt::format("{{\"job\":{}}}\n", job));
      } else if (service_.mode == OutputMode::text) {
        print_out(fmt::format("job {}: forgotten\n", job));
      }
    }
    return 0;
  }

 private:
  std::string jobs_;
  ServiceArguments service_;
};

constexpr Change cancel{
    "cancel", "Cancel jobs, or some of their tasks: tasks that run are stopped", "cancelled", true,
    [](Requests& requests, std::uint64_t job, std::string const& tasks) { return requests.cancel(job, tasks); }};
constexpr Change hold{
    "hold", "Hold the tasks of jobs that have not started", "held", false,
    [](Requests& requests, std::uint64_t job, std::string const& /*tasks*/) { return requests.hold(job); }};
constexpr Change release{
    "release", "Release jobs that are held", "released", false,
    [](Requests& requests, std::uint64_t job, std::string const& /*tasks*/) { return requests.release(job); }};
constexpr Change retry{
    "retry", "Run failed and cancelled tasks of jobs again", "to run again", true,
    [](Requests& requests, std::uint64_t job, std::string const& tasks) { return requests.retry(job, tasks); }};

}  // namespace

CommandEntry make_job_cancel_command(CLI::App& parent) { return make_change(parent, cancel); }
CommandEntry make_job_hold_command(CLI::App& parent) { return make_change(parent, hold); }
CommandEntry make_job_release_command(CLI::App& parent) { return make_change(parent, release); }
CommandEntry make_job_retry_command(CLI::App& parent) { return make_change(parent, retry); }

CommandEntry make_job_priority_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("priority", "Change the priority of jobs");
  return {app, std::make_unique<PriorityCommand>(*app)};
}

CommandEntry make_job_forget_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("forget", "Remove jobs that have ended, with their results");
  return {app, std::make_unique<ForgetCommand>(*app)};
}

}  // namespace farm::detail
