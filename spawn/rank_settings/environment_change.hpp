#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace farm::detail {

/// Sets variables of this process's environment during its lifetime; the destructor restores them.
class EnvironmentChange {
 public:
  explicit EnvironmentChange(std::vector<std::pair<std::string, std::string>> const& variables);
  EnvironmentChange(EnvironmentChange const&) = delete;
  EnvironmentChange& operator=(EnvironmentChange const&) = delete;
  ~EnvironmentChange();

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

}  // namespace farm::detail
