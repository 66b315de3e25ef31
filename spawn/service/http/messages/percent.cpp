#include "spawn/service/http/messages/percent.hpp"

#include "spawn/service/http/messages/refusal.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace farm::detail::http {
namespace {

int digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

enum class Plus { itself, blank };

std::string decode(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char letter = text[i];
    if (letter == '%') {
      int const high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
      int const low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) throw Refusal(400, "'%' in the target of the request is not followed by two digits");
      letter = static_cast<char>(16 * high + low);
      i += 2;
    } else if (letter == '+' && plus == Plus::blank) {
      letter = ' ';
    }
    if (letter == '\0') throw Refusal(400, "the target of the request has a NUL in it");
    decoded += letter;
  }
  return decoded;
}

}  // namespace

Target read_target(std::string_view text) {
  if (text == "*") return {.path = "*"};
  if (text.empty() || text.front() != '/') throw Refusal(400, "the target of the request does not begin with '/'");
  if (text.find('#') != std::string_view::npos) throw Refusal(400, "the target of the request has a '#' in it");
  auto const mark = text.find('?');
  Target target{.path = decode(text.substr(0, mark), Plus::itself)};
  auto rest = mark == std::string_view::npos ? std::string_view{} : text.substr(mark + 1);
  while (!rest.empty()) {
    auto const end = rest.find('&');
    auto const pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (pair.empty()) continue;
    auto const equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), Plus::blank);
    auto value = equals == std::string_view::npos ? std::string{} : decode(pair.substr(equals + 1), Plus::blank);
    auto const [place, is_new] = target.query.try_emplace(std::move(name), std::move(value));
    if (!is_new) throw Refusal(400, fmt::format("'{}' is twice in the query", place->first));
  }
  return target;
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  for (char const each : text) {
    bool const is_plain = (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') ||
                          (each >= 'A' && each <= 'Z') || each == '-' || each == '.' || each == '_' || each == '~';
    if (is_plain) {
      encoded += each;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(each));
    }
  }
  return encoded;
}

}  // namespace farm::detail::http
