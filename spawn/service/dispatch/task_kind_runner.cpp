#include "spawn/service/dispatch/task_kind_runner.hpp"

#include "core/text/field_text.hpp"
#include "core/text/nearest_word.hpp"
#include "spawn/by_name/error_record.hpp"
#include "spawn/service/dispatch/kept_arrays.hpp"

#include <farm/detail/text_value.hpp>
#include <farm/error.hpp>
#include <farm/exit.hpp>
#include <farm/future.hpp>

#include <fmt/format.h>

#include <chrono>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

TaskOptions options_of(TaskKind const& kind) {
  TaskOptions options{.ranks = kind.ranks,
                      .cancellable = true,
                      .retries = kind.retries,
                      .threads = kind.threads,
                      .gpus = kind.gpus,
                      .memory = kind.memory,
                      .resources = kind.resources};
  options.max_losses = kind.max_losses;
  if (kind.timeout)
    options.timeout =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(*kind.timeout));
  if (kind.command.empty()) {
    options.directory = kind.directory;
    options.environment = kind.environment;
    options.cache = kind.cache;
  }
  return options;
}

Program program_of(TaskKind const& kind, std::filesystem::path const& directory) {
  Program program{.command = kind.command,
                  .directory = kind.directory,
                  .environment = kind.environment,
                  .input_file = kind.stdin_file,
                  .output_file = kind.stdout_file,
                  .error_file = kind.stderr_file,
                  .mpi = kind.mpi};
  if (!kind.task_directory.empty()) {
    program.directory = (std::filesystem::path{without_fields(kind.directory)} / kind.task_directory).string();
    if (kind.task_directory.find('{') == std::string::npos) program.directory += "/{task}";
    program.make_directory = true;
  }
  auto const log = (std::filesystem::path{without_fields(directory.string())} / "{task}.{attempt}.txt").string();
  if (program.output_file.empty()) program.output_file = log;
  if (program.error_file.empty()) program.error_file = log;
  return program;
}

std::int64_t peak_memory_of(StatePtr const& state) {
  try {
    return Future<Exit>{state}.result().peak_memory;
  } catch (ProgramError const& error) {
    return error.exit().peak_memory;
  } catch (...) {
    return 0;
  }
}

}  // namespace

std::vector<NamedTask> const& service_functions() {
  static auto const& functions = named_tasks();  // which sorts them, so that only one thread may call it
  return functions;
}

NamedTask const& function_named(std::string const& name) {
  std::vector<std::string> names;
  for (auto const& task : service_functions()) {
    if (task.name == name) return task;
    names.push_back(task.name);
  }
  throw UsageError(unknown_word("function", name, names));
}

TaskKindRunner::TaskKindRunner(TaskKind kind, std::filesystem::path const& directory)
    : kind_(std::move(kind)), options_(options_of(kind_)) {
  if (kind_.command.empty()) {
    function_ = &function_named(kind_.function);
  } else {
    program_.emplace(program_of(kind_, directory), std::vector<std::string>{"job", "task"});
    program_shape_ = program_->task();
  }
}

ArgumentTexts TaskKindRunner::arguments(std::string const& input) const {
  if (program_ && program_->column_count() == 0) return {.input = input};
  return split_arguments(shape(), input);
}

void TaskKindRunner::check(std::string const& input) const {
  if (shape().arguments.empty() && !program_) return static_cast<void>(function_->read({.input = input}));
  static_cast<void>(shape().read(arguments(input)));
}

Program TaskKindRunner::program_for(TaskName name, ArgumentTexts const& arguments) const {
  std::vector<std::string> values;
  values.reserve(arguments.texts.size());
  for (auto const& text : arguments.texts) values.push_back(string_of(read_text(text)).value_or(text));
  return program_->filled(values, {{"job", std::to_string(name.job)}, {"task", std::to_string(name.task)}});
}

StatePtr TaskKindRunner::submit(NamedTaskPool& pool, TaskName name, std::string const& input, int priority) const {
  auto const given = arguments(input);
  auto options = options_;
  options.priority = priority;
  if (program_) {
    options.name = fmt::format("{}.{}", name.job, name.task);
    return pool.run(options, program_for(name, given)).state();
  }
  return function_->read(given).submit(pool, options);
}

void TaskKindRunner::show(StatePtr const& state, std::filesystem::path const& arrays, TaskEnd& end) const {
  if (state->status() == FutureState::Status::cancelled) {
    end.state = TaskState::cancelled;
  }
  auto results = shape().show({state, 1, false}, false);
  auto& result = results.at(0);
  if (result.error) {
    if (end.state != TaskState::cancelled) end.state = TaskState::failed;
    end.value = to_json(error_record(result.error));
  } else {
    end.state = TaskState::finished;
    if (!program_) keep_arrays(result.value, {end.job, end.task}, arrays);
    end.value = to_json(result.value);
  }
  if (program_) end.peak_memory = peak_memory_of(state);
}

}  // namespace farm::detail
