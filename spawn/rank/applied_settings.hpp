#pragma once

#include "core/task/frame.hpp"
#include "spawn/rank/task_output.hpp"
#include "spawn/rank_settings/environment_change.hpp"
#include "spawn/rank_settings/kept_directory.hpp"
#include "spawn/rank_settings/openmp_threads.hpp"

#include <farm/task_context.hpp>

#include <optional>

namespace farm::detail {

/// Gives this process the directory, environment and output of one task during its lifetime; the destructor restores
/// all of them.
class AppliedSettings {
 public:
  /// Throws UsageError if the directory cannot be entered, or the output file cannot be written; then nothing has
  /// changed.
  AppliedSettings(TaskSettings const& settings, TaskContext const& context);
  AppliedSettings(AppliedSettings const&) = delete;
  AppliedSettings& operator=(AppliedSettings const&) = delete;
  ~AppliedSettings() = default;

 private:
  std::optional<KeptDirectory> directory_;
  std::optional<EnvironmentChange> variables_;
  std::optional<OpenMpThreads> threads_;
  std::optional<OutputFile> output_;
};

}  // namespace farm::detail
