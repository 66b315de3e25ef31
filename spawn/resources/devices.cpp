#include "spawn/resources/devices.hpp"

#include "core/base/settings.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>

namespace farm::detail {
namespace {

/// Returns the entries of the list; none if the variable is not set. An empty list allows no device.
std::optional<std::vector<std::string>> list_in(char const* variable) {
  char const* const text = getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::vector<std::string> entries;
  std::istringstream parts{text};
  for (std::string each; std::getline(parts, each, ',');) {
    if (!each.empty()) entries.push_back(each);
  }
  return entries;
}

std::optional<std::vector<std::string>> first_list() {
  for (auto const* const each : device_variable_names) {
    if (auto list = list_in(each)) return list;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> listed_devices() {
  auto const list = first_list();
  return list ? std::optional{static_cast<int>(list->size())} : std::nullopt;
}

int detected_devices(std::string const& directory) {
  constexpr std::string_view prefix = "nvidia";
  int count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it{directory, error}, end; !error && it != end; it.increment(error)) {
    auto const name = it->path().filename().string();
    bool const is_device = name.size() > prefix.size() && name.starts_with(prefix) &&
                           name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
    if (is_device) ++count;
  }
  return count;
}

std::vector<std::pair<std::string, std::string>> device_variables(std::vector<int> const& devices) {
  std::vector<std::pair<std::string, std::string>> result;
  auto const any = first_list();
  for (auto const* const variable : device_variable_names) {
    auto const own = list_in(variable);
    auto const& list = own ? own : any;
    std::string value;
    for (int const device : devices) {
      auto const index = static_cast<std::size_t>(device);
      if (list && index >= list->size()) continue;
      value += (value.empty() ? "" : ",") + (list ? (*list)[index] : std::to_string(device));
    }
    result.emplace_back(variable, value);
  }
  return result;
}

}  // namespace farm::detail
