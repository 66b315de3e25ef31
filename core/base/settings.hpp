#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The environment variables by which users set up the farm. The table in settings.cpp is the only place that names
/// them: `farm doctor` and the reference are made from it.
namespace farm::detail {

enum class Setting : std::uint8_t {
  max_workers,
  source,
  launcher,
  hosts,
  hostfile,
  address,
  heartbeat,
  stage_dir,
  keep_stage,
  checksum,
  trace,
  guard,
  pmix_library,
  verbose,
  resources,
  bind,
};

struct SettingInfo {
  Setting setting{};
  std::string_view name;           ///< "FARM_HOSTS"
  std::string_view type;           ///< the kind of value: "number", "directory"
  std::string_view default_value;  ///< used if the variable is unset or empty
  std::string_view meaning;        ///< one line
};

/// Returns the name of the environment variable: "FARM_HOSTS".
[[nodiscard]] std::string variable_of(Setting which);

/// Returns one row for each Setting, in the order of the enumeration.
[[nodiscard]] std::span<SettingInfo const> settings_table();

/// Returns the value that set_option() has stored, else that of the environment variable; empty if neither is set.
/// Thread-safe as long as no thread changes the environment.
[[nodiscard]] std::string setting(Setting which);
[[nodiscard]] inline bool is_set(Setting which) { return !setting(which).empty(); }

/// Returns the name by which the user set it: that of the command line option if there was one, else that of the
/// variable.
[[nodiscard]] std::string setting_name(Setting which);

/// Returns the switch's value, which is 0 or 1, or `default_value` if it is not set. Throws UsageError for another
/// value.
[[nodiscard]] bool setting_switch(Setting which, bool default_value);

/// Returns the number; none if it is not set. Throws UsageError if it is not a number from `least` to `most`.
/// `expected` describes a valid value in that error: "a number above 0".
[[nodiscard]] std::optional<int> setting_number(Setting which, int least, int most, std::string_view expected);

/// Stores the value of a command line option. It takes precedence over the environment variable, and processes that
/// this one starts do not see it. `option` is the name of the option: "--hosts". An empty value hides the variable.
/// Call it before the Runtime is constructed, while the process has one thread.
void set_option(Setting which, std::string value, std::string_view option);

/// Returns one line for each environment variable that begins with FARM_ and is not in the table: its name, and the
/// name that the user probably meant, or how to list the known ones. Variables that the farm sets for the processes it
/// starts, and those of its tests (FARM_TEST_...), are left out.
[[nodiscard]] std::vector<std::string> unknown_settings();

/// Returns the value of FARM_HEARTBEAT in seconds; none if it is not set. Throws UsageError if it is invalid.
[[nodiscard]] std::optional<int> heartbeat_setting();

/// Returns true if FARM_VERBOSE is 1. Throws UsageError if it is neither 0 nor 1.
[[nodiscard]] bool is_verbose();

/// Returns one line for each setting whose value is invalid by itself.
[[nodiscard]] std::vector<std::string> invalid_settings();

/// Throws UsageError, which tells the lines of invalid_settings(), if there are any.
void check_settings();

/// Returns the value of any environment variable; empty if it is unset.
[[nodiscard]] std::string environment_variable(char const* name);

}  // namespace farm::detail
