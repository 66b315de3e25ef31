// `job wait` and `job progress`.
#include "spawn/program/service/job/job_commands.hpp"
#include "spawn/program/service/job_wait.hpp"
#include "spawn/program/service/selector.hpp"
#include "spawn/program/service/service_arguments.hpp"

#include <memory>
#include <string>

namespace farm::detail {
namespace {

class JobWaitCommand final : public Command {
 public:
  JobWaitCommand(CLI::App& app, bool shows_progress) : shows_progress_(shows_progress) {
    app.add_option("JOB", jobs_, "The jobs, as 5, 1-3, all or last")->type_name("")->required();
    if (!shows_progress) app.add_flag("--progress", shows_progress_, "Show how far the jobs are");
    service_.add_to(app);
    app.footer("The exit status is 0 if all tasks have finished, else 1. Ctrl-C ends the waiting; the jobs go on.");
  }

  int run(ProgramArguments /*arguments*/) override {
    auto requests = service_.requests();
    auto const jobs = selected_jobs(jobs_, requests);
    return wait_for_jobs(requests, jobs,
                         {.shows_progress = shows_progress_, .is_quiet = service_.mode == OutputMode::quiet});
  }

 private:
  std::string jobs_;
  bool shows_progress_;
  ServiceArguments service_;
};

}  // namespace

CommandEntry make_job_wait_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("wait", "Wait until jobs have ended");
  return {app, std::make_unique<JobWaitCommand>(*app, false)};
}

CommandEntry make_job_progress_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("progress", "Wait until jobs have ended, and show how far they are");
  return {app, std::make_unique<JobWaitCommand>(*app, true)};
}

}  // namespace farm::detail
