#pragma once

#include <string>

namespace farm::detail {

/// Returns all settings with their current values, for people: the name with the value or "not set" on one line, then
/// meaning, type and default, indented.
[[nodiscard]] std::string settings_text();

/// Returns one JSON object per line and setting: name, type, default, meaning and value, which is null if the setting
/// is not set.
[[nodiscard]] std::string settings_json();

}  // namespace farm::detail
