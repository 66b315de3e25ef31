#pragma once

#include "spawn/by_name/program_template.hpp"
#include "spawn/service/model/job.hpp"

#include <farm/detail/named_task.hpp>
#include <farm/options.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// Submits tasks of one kind to a pool, and shows how they have ended. Thread-safe once it is made.
class TaskKindRunner {
 public:
  /// `directory` is where programs write what they print, unless the kind says otherwise. Throws UsageError if this
  /// program does not have the function, or the command cannot be meant.
  TaskKindRunner(TaskKind kind, std::filesystem::path const& directory);

  /// Throws UsageError if the input does not fit.
  void check(std::string const& input) const;
  /// Submits one task, and returns its state. Throws UsageError if the input does not fit, or an option is out of
  /// range.
  [[nodiscard]] StatePtr submit(NamedTaskPool& pool, TaskName name, std::string const& input, int priority) const;
  /// Fills in the state and the value of a task that is done; of a program also its peak memory. Keeps the arrays of
  /// the value in `arrays`: see keep_arrays(). Throws std::system_error if that fails.
  void show(StatePtr const& state, std::filesystem::path const& arrays, TaskEnd& end) const;

 private:
  [[nodiscard]] NamedTask const& shape() const { return program_ ? *program_shape_ : *function_; }
  [[nodiscard]] ArgumentTexts arguments(std::string const& input) const;
  [[nodiscard]] Program program_for(TaskName name, ArgumentTexts const& arguments) const;

  TaskKind kind_;
  TaskOptions options_;
  NamedTask const* function_ = nullptr;
  std::optional<ProgramTemplate> program_;
  std::optional<NamedTask> program_shape_;
};

/// Returns the functions of this program. Thread-safe, unlike named_tasks(), which nothing else here calls.
[[nodiscard]] std::vector<NamedTask> const& service_functions();

/// Returns the function with this name. Thread-safe. Throws UsageError, with the nearest name, if this program does not
/// have it.
[[nodiscard]] NamedTask const& function_named(std::string const& name);

}  // namespace farm::detail
