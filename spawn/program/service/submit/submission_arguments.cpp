#include "spawn/program/service/submit/submission_arguments.hpp"

#include "spawn/program/map/map_arguments.hpp"

#include <filesystem>

namespace farm::detail {
namespace {

void add_options_of_jobs(CLI::App& app, SubmissionArguments& job) {
  app.add_option("--name", job.name, "What listings call the job")->type_name("TEXT");
  app.add_option("--priority", job.priority,
                 "Jobs of higher priority first; those of equal priority share (default: 0)")
      ->type_name("N");
  app.add_option("--max-fails", job.max_fails, "Start no further tasks once so many have failed (default: no limit)")
      ->check(number_from(1))
      ->type_name("N");
  app.add_option("--after", job.after,
                 "Jobs that must have finished first, as 5, 1-3 or last; may be given several times")
      ->expected(1)
      ->take_all()
      ->type_name("JOB");
  app.add_flag("--hold", job.hold, "Hold the tasks until `job release`");
}

void add_options_of_programs(CLI::App& app, SubmissionArguments& job) {
  app.add_option("--task-dir", job.task_directory,
                 "Directory of each task of a program, below --cwd; a text without fields gets /{task}")
      ->type_name("DIR");
  app.add_option("--stdin", job.stdin_file, "File that a program reads as its standard input")->type_name("FILE");
  app.add_option("--stdout", job.stdout_file, "File for the standard output of each program (default: the job's log)")
      ->type_name("FILE");
  app.add_option("--stderr", job.stderr_file, "File for the standard error of each program (default: the job's log)")
      ->type_name("FILE");
  app.add_flag("--no-mpi", job.no_mpi, "Start one process on the first rank of each group, without a launcher");
}

}  // namespace

std::string absolute_directory(std::string const& text) {
  auto const path = std::filesystem::absolute(text.empty() ? std::filesystem::path{"."} : std::filesystem::path{text})
                        .lexically_normal();
  return path.has_filename() || path == path.root_path() ? path.string() : path.parent_path().string();
}

std::string program_from(std::string const& name, std::string const& directory) {
  bool const is_plain = name.find('/') == std::string::npos || name.find_first_of("{}") != std::string::npos;
  return is_plain ? name : (std::filesystem::path{directory} / name).lexically_normal().string();
}

void SubmissionArguments::add_to(CLI::App& app) {
  needs.ranks_per_task = 0;
  needs.add_to(app);
  app.get_option("--ranks-per-task")->default_str("");
  add_options_of_jobs(app, *this);
  add_time_option(
      app, "--timeout",
      [this](std::chrono::nanoseconds time) { timeout = std::chrono::duration<double>(time).count(); },
      "Time limit of each task, from its start: 90, 500ms, 2m, 1h30m; the task then fails and is stopped");
  app.add_option("--retries", retries, "How often a task runs again after it threw (default: 0)")
      ->check(number_from(0))
      ->type_name("N");
  app.add_option("--max-losses", max_losses, "Lost groups after which a task is given up (default: the server's)")
      ->check(number_from(1))
      ->type_name("N");
  app.add_flag("--cache", cache, "Take results from the server's cache, where it has them");
  add_environment_option(app, environment);
  app.add_option("--cwd", working_directory,
                 "Directory in which the tasks run (default: this one for programs, the server's for functions)")
      ->type_name("DIR");
  add_options_of_programs(app, *this);
}

JobSpec SubmissionArguments::spec() const {
  TaskKind kind{.task_directory = task_directory,
                .stdin_file = stdin_file,
                .stdout_file = stdout_file,
                .stderr_file = stderr_file,
                .mpi = !no_mpi,
                .ranks = needs.ranks_per_task,
                .threads = needs.threads,
                .resources = needs.resources,
                .timeout = timeout,
                .retries = retries,
                .max_losses = max_losses,
                .cache = cache,
                .environment = environment_of(environment)};
  if (needs.gpus > 0) kind.gpus = needs.gpus;
  if (needs.memory > 0) kind.memory = needs.memory;
  if (!working_directory.empty()) kind.directory = absolute_directory(working_directory);
  return {.name = name, .kinds = {std::move(kind)}, .priority = priority, .hold = hold, .max_fails = max_fails};
}

}  // namespace farm::detail
