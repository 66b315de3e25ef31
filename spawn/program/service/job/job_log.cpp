// `job log`.
#include "spawn/program/output.hpp"
#include "spawn/program/service/job/job_commands.hpp"
#include "spawn/program/service/selector.hpp"
#include "spawn/program/service/service_arguments.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;
constexpr auto follow_interval = 500ms;

class JobLogCommand final : public Command {
 public:
  explicit JobLogCommand(CLI::App& app) {
    app.add_option("JOB", job_, "The job, as 5 or last")->type_name("")->required();
    app.add_option("--task", task_, "Only what this task has printed")->type_name("NUMBER");
    app.add_flag("--follow", follows_, "Go on until the job has ended");
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    auto requests = service_.requests();
    auto const job = selected_job(job_, requests);
    std::uint64_t offset = 0;
    for (bool is_over = !follows_;;) {
      // asked before the log: what is printed until the end is in the log then
      is_over = is_over || has_ended(job, requests);
      bool has_text = false;
      for (auto log = requests.log(job, task_, offset); !log.text.empty(); log = requests.log(job, task_, offset)) {
        print_out(log.text, true);
        offset = log.next;
        has_text = true;
      }
      if (is_over) return 0;
      if (!has_text) std::this_thread::sleep_for(follow_interval);
    }
  }

 private:
  [[nodiscard]] bool has_ended(std::uint64_t job, Requests& requests) const {
    return detail::has_ended(task_ ? requests.task({job, *task_}).state : requests.job(job).state);
  }

  std::string job_;
  std::optional<std::uint64_t> task_;
  bool follows_ = false;
  ServiceArguments service_;
};

}  // namespace

CommandEntry make_job_log_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("log", "Print what the tasks of a job have printed");
  return {app, std::make_unique<JobLogCommand>(*app)};
}

}  // namespace farm::detail
