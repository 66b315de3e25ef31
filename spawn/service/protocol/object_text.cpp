#include "spawn/service/protocol/object_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace farm::detail {

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string list_of(std::vector<std::string> const& values) {
  std::string text{"["};
  for (auto const& value : values) {
    if (text.size() > 1) text += ',';
    text += value;
  }
  return text + ']';
}

ObjectText& ObjectText::raw(std::string_view name, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_.append("\"").append(name).append("\":").append(json);
  return *this;
}

ObjectText& ObjectText::add(std::string_view name, std::string_view text) { return raw(name, json_text(text)); }

ObjectText& ObjectText::add(std::string_view name, double number) {
  return raw(name, std::isfinite(number) ? fmt::format("{}", number) : "null");
}

ObjectText& ObjectText::add(std::string_view name, std::vector<std::string> const& texts) {
  std::vector<std::string> items;
  items.reserve(texts.size());
  for (auto const& text : texts) items.push_back(json_text(text));
  return raw(name, list_of(items));
}

ObjectText& ObjectText::add_or_null(std::string_view name, std::string_view text) {
  return text.empty() ? null(name) : add(name, text);
}

ObjectText& ObjectText::add_time(std::string_view name, double seconds) {
  return seconds == 0 ? null(name) : raw(name, fmt::format("{:.6f}", seconds));
}

}  // namespace farm::detail
