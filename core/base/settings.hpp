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
};

struct SettingInfo {
  Setting setting{};
  std::string_view name;           ///< "FARM_HOSTS"
  std::string_view type;           ///< what its value is: "number", "directory"
  std::string_view default_value;  ///< what holds if the variable is unset or empty
  std::string_view meaning;        ///< one line
};

/// Returns one row for each Setting, in the order of the enumeration.
[[nodiscard]] std::span<SettingInfo const> settings_table();

/// Returns the value: what set_option() has stored, else the environment variable; empty if there is neither.
/// Thread-safe as long as nobody changes the environment.
[[nodiscard]] std::string setting(Setting which);
[[nodiscard]] inline bool is_set(Setting which) { return !setting(which).empty(); }

/// Returns what the user calls the setting: the command line option if that has set it, else the variable.
[[nodiscard]] std::string setting_name(Setting which);

/// Returns the switch's value, which is 0 or 1, or `default_value` if it is not set. Throws UsageError for another
/// value.
[[nodiscard]] bool setting_switch(Setting which, bool default_value);

/// Returns the number, none if it is not set. Throws UsageError if it is no number from `least` to `most`; `expected`
/// says in that error what is: "a number above 0".
[[nodiscard]] std::optional<int> setting_number(Setting which, int least, int most, std::string_view expected);

/// Stores what a command line option says; it takes precedence over the environment of this process, and the processes
/// that this one starts do not see it. `option` is its name: "--hosts". An empty value hides the variable. Call it
/// before the Runtime, while there is one thread.
void set_option(Setting which, std::string value, std::string_view option);

/// Returns one line for each variable of the environment that begins with FARM_ and is not in the table: its name, and
/// the name that was probably meant. Variables that the farm sets for the processes it starts, and those of its tests
/// (FARM_TEST_...), are left out.
[[nodiscard]] std::vector<std::string> unknown_settings();

/// Reads every setting whose value can be checked without looking at anything else. Throws UsageError for the first
/// that is wrong.
void check_settings();

/// Returns the value of any environment variable; empty if it is unset.
[[nodiscard]] std::string environment_variable(char const* name);

}  // namespace farm::detail
