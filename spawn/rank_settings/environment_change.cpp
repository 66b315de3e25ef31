#include "spawn/rank_settings/environment_change.hpp"

#include <cstdlib>

namespace farm::detail {

EnvironmentChange::EnvironmentChange(std::vector<std::pair<std::string, std::string>> const& variables) {
  for (auto const& [name, value] : variables) {
    char const* const before = getenv(name.c_str());
    before_.emplace_back(name, before != nullptr ? std::optional<std::string>{before} : std::nullopt);
    setenv(name.c_str(), value.c_str(), 1);
  }
}

EnvironmentChange::~EnvironmentChange() {
  for (auto const& [name, value] : before_) {
    if (value) {
      setenv(name.c_str(), value->c_str(), 1);
    } else {
      unsetenv(name.c_str());
    }
  }
}

}  // namespace farm::detail
