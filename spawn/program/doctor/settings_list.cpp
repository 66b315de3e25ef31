#include "spawn/program/doctor/settings_list.hpp"

#include "core/base/settings.hpp"

#include <farm/detail/text_value.hpp>

#include <fmt/format.h>

namespace farm::detail {
namespace {

TextValue text(std::string_view string) { return {.value = std::string{string}}; }

}  // namespace

std::string settings_text() {
  std::string all;
  for (auto const& row : settings_table()) {
    auto const value = setting(row.setting);
    auto const origin = setting_name(row.setting);
    all += fmt::format("{:<20} {}{}\n", row.name, value.empty() ? "not set" : "= " + value,
                       value.empty() || origin == row.name ? std::string{} : fmt::format(" (from {})", origin));
    all += fmt::format("    {}\n    type: {}; default: {}\n", row.meaning, row.type, row.default_value);
  }
  return all;
}

std::string settings_json() {
  std::string all;
  for (auto const& row : settings_table()) {
    auto const value = setting(row.setting);
    TextValue::Members object;
    object.add("name", text(row.name));
    object.add("type", text(row.type));
    object.add("default", text(row.default_value));
    object.add("meaning", text(row.meaning));
    object.add("value", value.empty() ? TextValue{} : text(value));
    all += to_json(object) + '\n';
  }
  return all;
}

}  // namespace farm::detail
