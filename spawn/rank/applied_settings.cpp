#include "spawn/rank/applied_settings.hpp"

#include "core/base/host_name.hpp"
#include "spawn/requests/task_settings.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace farm::detail {

AppliedSettings::AppliedSettings(TaskSettings const& settings, TaskContext const& context) {
  if (!settings.directory.empty()) {
    directory_.emplace();
    if (chdir(settings.directory.c_str()) != 0) {
      throw UsageError(fmt::format("the task's directory {}: {} on {}; it must exist on each host of the ranks",
                                   settings.directory, std::generic_category().message(errno), host_name()));
    }
  }
  if (!settings.output.empty()) {
    auto const path = filled_output_path(settings.output, context);
    try {
      output_.emplace(path, OutputFile::Existing::continued);
    } catch (std::system_error const& error) {
      throw UsageError(fmt::format("the task's output {}: {} on {}", path, error.code().message(), host_name()));
    }
  }
  auto const& environment = settings.environment;
  if (environment.empty()) return;
  variables_.emplace(std::vector<std::pair<std::string, std::string>>{environment.begin(), environment.end()});
  if (auto const found = environment.find("OMP_NUM_THREADS"); found != environment.end())
    threads_.emplace(found->second);
}

}  // namespace farm::detail
