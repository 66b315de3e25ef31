// `job results`.
#include "spawn/program/service/job/job_commands.hpp"
#include "spawn/program/service/job/result_files.hpp"
#include "spawn/program/service/result_lines.hpp"
#include "spawn/program/service/selector.hpp"
#include "spawn/program/service/service_arguments.hpp"

#include <memory>
#include <string>

namespace farm::detail {
namespace {

class JobResultsCommand final : public Command {
 public:
  explicit JobResultsCommand(CLI::App& app) {
    app.add_option("JOB", job_, "The job, as 5 or last")->type_name("")->required();
    app.add_option("--to", to_, "Write the inputs and results to a new file: .csv, .jsonl or .h5")->type_name("FILE");
    service_.add_to(app);
    app.footer(
        "Prints a table of the tasks that have ended. With --to FILE.csv, each column of the inputs and results is a "
        "column; with FILE.jsonl, each line is a record as those of `map --output`; with FILE.h5, each column is a "
        "dataset, and arrays are copied into it.\n"
        "The exit status is 0 if all tasks have finished.");
  }

  int run(ProgramArguments /*arguments*/) override {
    if (!to_.empty()) check_result_file(to_);
    auto requests = service_.requests();
    auto const number = selected_job(job_, requests);
    if (!to_.empty()) {
      write_results(requests, number, to_);
    } else if (service_.mode == OutputMode::text) {
      print_result_table(requests, number);
    } else {
      print_results(requests, number, service_.mode == OutputMode::json);
    }
    return requests.job(number).state == TaskState::finished ? 0 : 1;
  }

 private:
  std::string job_;
  std::string to_;
  ServiceArguments service_;
};

}  // namespace

CommandEntry make_job_results_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("results", "Print the inputs and results of a job, or write them to a file");
  return {app, std::make_unique<JobResultsCommand>(*app)};
}

}  // namespace farm::detail
