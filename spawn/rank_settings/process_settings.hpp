#pragma once

#include "core/task/frame.hpp"
#include "spawn/rank_settings/environment_change.hpp"
#include "spawn/rank_settings/kept_directory.hpp"
#include "spawn/rank_settings/openmp_threads.hpp"

#include <optional>

namespace farm::detail {

/// Gives this process the working directory and environment of a group during its lifetime; the destructor restores
/// both.
class ProcessSettings {
 public:
  /// Throws SpawnError if the working directory does not exist.
  explicit ProcessSettings(Form const& form);
  ProcessSettings(ProcessSettings const&) = delete;
  ProcessSettings& operator=(ProcessSettings const&) = delete;
  ~ProcessSettings() = default;

 private:
  std::optional<KeptDirectory> directory_;
  std::optional<EnvironmentChange> variables_;
  std::optional<OpenMpThreads> threads_;
};

}  // namespace farm::detail
