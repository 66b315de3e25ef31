#include "spawn/by_name/program_template.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/map/map_arguments.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/service/job_wait.hpp"
#include "spawn/program/service/result_lines.hpp"
#include "spawn/program/service/selector.hpp"
#include "spawn/program/service/service_arguments.hpp"
#include "spawn/program/service/shown_text.hpp"
#include "spawn/program/service/submit/inputs_of_submission.hpp"
#include "spawn/program/service/submit/job_file.hpp"
#include "spawn/program/service/submit/server_functions.hpp"
#include "spawn/program/service/submit/submission_arguments.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

constexpr std::array options_of_programs{"--task-dir", "--stdin", "--stdout", "--stderr", "--no-mpi"};
constexpr std::array options_of_tasks{
    "--ranks-per-task", "--threads", "--gpus", "--memory",   "--resource", "--timeout", "--retries", "--max-losses",
    "--cache",          "--env",     "--cwd",  "--task-dir", "--stdin",    "--stdout",  "--stderr",  "--no-mpi"};

class SubmitCommand final : public Command {
 public:
  explicit SubmitCommand(CLI::App& app) : app_(app) {
    app.add_option("TASK", task_, "Name of the task, as the server has it; or a job file, whose name ends in .toml")
        ->type_name("");
    add_input_options(app, inputs_);
    arguments_.add_to(app);
    app.add_flag("--wait", waits_, "Wait until the job has ended; the exit status then says how");
    app.add_flag("--progress", shows_progress_, "Wait, and show how far the job is");
    app.add_flag("--results", shows_results_, "Wait, and print the results in the order of the inputs");
    service_.add_to(app);
    app.footer(
        "farm submit TASK INPUT... [OPTIONS], farm submit FILE.toml, or farm submit [INPUT...] [OPTIONS] -- COMMAND "
        "ARGUMENT...\n"
        "Submits a job to a server and prints its number, once the server has it on disk. Inputs are those of `map`. A "
        "command is run once for each input, as `run` does; {job}, {task}, {attempt}, {ranks} and {host} are filled in "
        "besides the columns of the inputs.\n"
        "Ctrl-C while it waits ends the waiting; the job goes on.\n"
        "A job file has the keys of a job (name, priority, hold, max_fails, after), a table [defaults] with those of "
        "all tasks, and for each task a table [[task]] with name, needs (names of tasks), function and input, or "
        "command; and ranks, threads, gpus, memory, resources, timeout, retries, max_losses, cache, environment, "
        "directory, task_directory, stdin_file, stdout_file, stderr_file, mpi. `inputs` is a list of inputs: one task "
        "for each.");
  }

  int run(ProgramArguments /*arguments*/) override {
    if (is_silent()) return 0;  // the first process of a launched job submits for all
    auto requests = service_.requests();
    std::optional<SubmissionBody> submission;
    try {
      submission.emplace(make_submission(requests));
    } catch (UsageError const& error) {
      throw TypingError(error.what());
    }
    auto const submitted = requests.submit(*submission);
    announce(submitted);
    if (!waits_ && !shows_progress_ && !shows_results_) return 0;
    print_out("", true);
    int const status = wait_for_jobs(
        requests, {submitted.job}, {.shows_progress = shows_progress_, .is_quiet = service_.mode == OutputMode::quiet});
    if (shows_results_) print_results(requests, submitted.job, service_.mode == OutputMode::json);
    return status;
  }

  void add_inputs(std::vector<std::string> words) override {
    command_ = std::move(words);
    if (command_.empty()) throw TypingError("the command is missing after --");
  }

 private:
  void announce(SubmittedJob const& submitted) const {
    if (service_.mode == OutputMode::json) {
      print_out(fmt::format("{{\"job\":{},\"tasks\":{}}}\n", submitted.job, submitted.tasks));
    } else if (service_.mode == OutputMode::quiet) {
      print_out(fmt::format("{}\n", submitted.job));
    } else if (shows_results_) {
      print_error_line(fmt::format("job {} with {}", submitted.job, counted(submitted.tasks, "task")));
    } else {
      print_out(fmt::format("job {} with {}\n", submitted.job, counted(submitted.tasks, "task")));
    }
  }

  SubmissionBody make_submission(Requests& requests) {
    if (!command_.empty()) return of_program(requests);
    if (task_.ends_with(".toml")) return of_job_file(requests);
    if (task_.empty())
      throw TypingError(fmt::format("TASK is required; see {} submit --help", app_.get_parent()->get_name()));
    return of_function(requests);
  }

  [[nodiscard]] JobSpec spec(Requests& requests) const {
    auto spec = arguments_.spec();
    for (auto const& text : arguments_.after) {
      for (auto const job : selected_jobs(text, requests)) spec.after.push_back(job);
    }
    return spec;
  }

  [[nodiscard]] bool has_inputs() const {
    return !inputs_.words.empty() || !inputs_.grid.empty() || !inputs_.csv.empty() || !inputs_.over.empty();
  }

  SubmissionBody of_function(Requests& requests) {
    for (auto const* const name : options_of_programs) {
      if (app_.count(name) > 0) throw TypingError(fmt::format("{} is for programs: write one after --", name));
    }
    auto const task = ServerFunctions{requests}.find(task_);
    if (!has_inputs()) {
      throw TypingError(
          fmt::format("no inputs for {}: write them after its name, or name a file of inputs with --over", task.name));
    }
    auto job = spec(requests);
    job.kinds.front().function = task.name;
    SubmissionBody submission{std::move(job)};
    add_inputs_to(submission, task, inputs_);
    check_tasks(submission);
    return submission;
  }

  SubmissionBody of_program(Requests& requests) {
    if (!task_.empty()) inputs_.words.insert(inputs_.words.begin(), task_);
    auto job = spec(requests);
    auto& kind = job.kinds.front();
    if (kind.directory.empty()) kind.directory = absolute_directory({});
    kind.command = command_;
    kind.command.front() = program_from(kind.command.front(), kind.directory);
    ProgramTemplate const text{{.command = kind.command,
                                .directory = kind.task_directory,
                                .input_file = kind.stdin_file,
                                .output_file = kind.stdout_file,
                                .error_file = kind.stderr_file},
                               {"job"}};
    if (!has_inputs() && text.column_count() > 0) {
      throw TypingError(
          "the command has a field for inputs, but there are none: give them as words, or with --grid, "
          "--csv or --over");
    }
    if (has_inputs() && text.column_count() == 0)
      throw TypingError("the command has no field for the inputs: write {} or {COLUMN} where they belong");
    SubmissionBody submission{std::move(job)};
    if (has_inputs()) {
      add_inputs_to(submission, text.task(), inputs_);
      check_tasks(submission);
    } else {
      submission.add("null");
    }
    return submission;
  }

  SubmissionBody of_job_file(Requests& requests) {
    if (has_inputs()) throw TypingError(fmt::format("{} has its own inputs: a job file cannot have others", task_));
    for (auto const* const name : options_of_tasks) {
      if (app_.count(name) > 0)
        throw TypingError(fmt::format("{}: a job file says this itself, in [defaults] or in a [[task]]", name));
    }
    ServerFunctions functions{requests};
    auto const of_command_line = spec(requests);
    return read_job_file(task_, functions, [&](JobSpec& job) {
      if (app_.count("--name") > 0) job.name = of_command_line.name;
      if (app_.count("--priority") > 0) job.priority = of_command_line.priority;
      if (app_.count("--max-fails") > 0) job.max_fails = of_command_line.max_fails;
      if (app_.count("--hold") > 0) job.hold = true;
      job.after.insert(job.after.end(), of_command_line.after.begin(), of_command_line.after.end());
    });
  }

  static void check_tasks(SubmissionBody const& submission) {
    if (submission.tasks() == 0) throw TypingError("there are no inputs: nothing was submitted");
  }

  CLI::App& app_;
  std::string task_;
  InputArguments inputs_;
  SubmissionArguments arguments_;
  ServiceArguments service_;
  std::vector<std::string> command_;
  bool waits_ = false;
  bool shows_progress_ = false;
  bool shows_results_ = false;
};

}  // namespace

CommandEntry make_submit_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("submit", "Submit a job to a server");
  return {app, std::make_unique<SubmitCommand>(*app)};
}

}  // namespace farm::detail
