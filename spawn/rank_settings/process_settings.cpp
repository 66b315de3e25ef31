#include "spawn/rank_settings/process_settings.hpp"

#include "spawn/process/working_directory.hpp"

#include <string>
#include <utility>
#include <vector>

namespace farm::detail {

ProcessSettings::ProcessSettings(Form const& form) {
  if (!form.working_directory.empty()) {
    directory_.emplace();
    change_directory(form.working_directory);
  }
  variables_.emplace(
      std::vector<std::pair<std::string, std::string>>{form.environment.begin(), form.environment.end()});
  if (auto const found = form.environment.find("OMP_NUM_THREADS"); found != form.environment.end())
    threads_.emplace(found->second);
}

}  // namespace farm::detail
