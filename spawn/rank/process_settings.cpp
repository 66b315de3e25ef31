#include "spawn/rank/process_settings.hpp"

#include "spawn/process/working_directory.hpp"

#include <cstdlib>
#include <system_error>

namespace farm::detail {

ProcessSettings::ProcessSettings(Form const& form) {
  if (!form.working_directory.empty()) {
    directory_before_ = std::filesystem::current_path();
    change_directory(form.working_directory);
  }
  for (auto const& [name, value] : form.environment) {
    char const* const before = getenv(name.c_str());
    variables_before_.emplace_back(name, before != nullptr ? std::optional<std::string>{before} : std::nullopt);
    setenv(name.c_str(), value.c_str(), 1);
  }
}

ProcessSettings::~ProcessSettings() {
  std::error_code error;
  if (directory_before_) std::filesystem::current_path(*directory_before_, error);
  for (auto const& [name, value] : variables_before_) {
    if (value) {
      setenv(name.c_str(), value->c_str(), 1);
    } else {
      unsetenv(name.c_str());
    }
  }
}

}  // namespace farm::detail
