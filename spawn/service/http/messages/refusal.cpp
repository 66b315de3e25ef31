#include "spawn/service/http/messages/refusal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace farm::detail::http {

using nlohmann::json;

std::string error_body(std::string_view text, std::string_view nearest) {
  json body{{"error", text}, {"nearest", nullptr}};
  if (!nearest.empty()) body["nearest"] = nearest;
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string error_in(std::string_view body) {
  auto const parsed = json::parse(body, nullptr, false);
  if (parsed.is_object()) {
    auto const found = parsed.find("error");
    if (found != parsed.end() && found->is_string()) return found->get<std::string>();
  }
  std::string text{body.substr(0, 200)};
  std::replace_if(
      text.begin(), text.end(), [](unsigned char each) { return each < ' ' || each == 127; }, ' ');
  return text;
}

}  // namespace farm::detail::http
