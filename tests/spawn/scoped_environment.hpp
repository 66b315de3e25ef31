#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

/// Sets or unsets environment variables during its lifetime.
class ScopedEnvironment {
 public:
  explicit ScopedEnvironment(std::map<std::string, std::optional<std::string>> const& wanted) {
    for (auto const& [name, value] : wanted) {
      char const* const now = getenv(name.c_str());
      before_[name] = now != nullptr ? std::optional<std::string>{now} : std::nullopt;
      set(name, value);
    }
  }
  ScopedEnvironment(ScopedEnvironment const&) = delete;
  ScopedEnvironment& operator=(ScopedEnvironment const&) = delete;
  ~ScopedEnvironment() {
    for (auto const& [name, value] : before_) set(name, value);
  }

 private:
  static void set(std::string const& name, std::optional<std::string> const& value) {
    if (value) {
      setenv(name.c_str(), value->c_str(), 1);
    } else {
      unsetenv(name.c_str());
    }
  }
  std::map<std::string, std::optional<std::string>> before_;
};
