#include "spawn/service/http/messages/response_head.hpp"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <iterator>
#include <utility>

namespace farm::detail::http {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 24> statuses{{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Payload Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {507, "Insufficient Storage"},
}};

/// Returns "Fri, 27 Nov 2026 10:25:06 GMT". It is made once a second.
std::string const& date() {
  thread_local std::time_t when = -1;
  thread_local std::string text;
  auto const now = std::time(nullptr);
  if (now == when) return text;
  when = now;
  constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  gmtime_r(&now, &parts);
  text = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days.at(static_cast<std::size_t>(parts.tm_wday)),
                     parts.tm_mday, months.at(static_cast<std::size_t>(parts.tm_mon)), 1900 + parts.tm_year,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

bool is_cache_control(std::string_view name) {
  constexpr std::string_view lower = "cache-control";
  if (name.size() != lower.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    char const letter = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    if (letter != lower[i]) return false;
  }
  return true;
}

void append_line_of(std::string& to, std::string_view text) {
  for (char const each : text) to += each == '\r' || each == '\n' || each == '\0' ? ' ' : each;
}

}  // namespace

std::string_view status_text(int status) {
  for (auto const& [number, text] : statuses) {
    if (number == status) return text;
  }
  return status < 400 ? "OK" : "Error";
}

std::string response_head(ResponseHead const& head, std::map<std::string, std::string> const& fields) {
  std::string text;
  text.reserve(320);
  auto const out = std::back_inserter(text);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\nX-Content-Type-Options: nosniff\r\n", head.status,
                 status_text(head.status), date());
  if (!head.type.empty()) {
    text += "Content-Type: ";
    append_line_of(text, head.type);
    text += "\r\n";
  }
  if (head.length) fmt::format_to(out, "Content-Length: {}\r\n", *head.length);
  if (head.in_chunks) text += "Transfer-Encoding: chunked\r\n";
  if (!head.keep_alive) text += "Connection: close\r\n";
  if (head.keep_alive && !head.is_1_1) text += "Connection: keep-alive\r\n";
  bool may_be_stored = false;
  for (auto const& [name, value] : fields) {
    may_be_stored = may_be_stored || is_cache_control(name);
    append_line_of(text, name);
    text += ": ";
    append_line_of(text, value);
    text += "\r\n";
  }
  if (!may_be_stored) text += "Cache-Control: no-store\r\n";
  return text.append("\r\n");
}

}  // namespace farm::detail::http
