#include "spawn/service/http/messages/event_text.hpp"

#include <cstddef>
#include <utility>

namespace farm::detail::http {

std::string event_text(std::string_view id, std::string_view event, std::string_view data) {
  std::string text;
  text.reserve(data.size() + id.size() + event.size() + 32);
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  if (!event.empty()) text.append("event: ").append(event).append("\n");
  for (;;) {
    auto const end = data.find('\n');
    text.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + 1);
  }
  return text.append("\n");
}

bool EventParser::put(std::string_view text, OnEvent const& on_event) {
  while (!text.empty()) {
    if (std::exchange(after_return_, false) && text.front() == '\n') {
      text.remove_prefix(1);
      continue;
    }
    auto const end = text.find_first_of("\r\n");
    line_.append(text.substr(0, end));
    if (end == std::string_view::npos) return true;
    after_return_ = text[end] == '\r';
    text.remove_prefix(end + 1);
    auto const line = std::exchange(line_, {});
    if (!take_line(line, on_event)) return false;
  }
  return true;
}

bool EventParser::take_line(std::string_view line, OnEvent const& on_event) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (std::exchange(is_first_line_, false) && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  if (line.empty()) {
    auto event = std::exchange(event_, {});
    auto data = std::exchange(data_, {});
    if (data.empty()) return true;
    data.pop_back();
    return on_event(id_, event.empty() ? "message" : event, data);
  }
  auto const colon = line.find(':');
  auto const name = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    data_.append(value).append("\n");
  } else if (name == "event") {
    event_ = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  }
  return true;
}

}  // namespace farm::detail::http
