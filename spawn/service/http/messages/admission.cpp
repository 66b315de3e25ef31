#include "spawn/service/http/messages/admission.hpp"

#include "spawn/service/http/messages/refusal.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace farm::detail::http {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower{text};
  for (char& each : lower) {
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  }
  return lower;
}

/// Takes as long for a wrong secret as for the right one. A secret that is empty is nobody's.
bool is_secret(std::string_view shown, std::string_view secret) {
  return !secret.empty() && shown.size() == secret.size() &&
         CRYPTO_memcmp(shown.data(), secret.data(), secret.size()) == 0;
}

std::string_view field(RequestHead const& head, std::string const& name) {
  auto const found = head.headers.find(name);
  return found == head.headers.end() ? std::string_view{} : std::string_view{found->second};
}

bool is_address(int family, std::string const& text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(family, text.c_str(), address.data()) == 1;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char each) { return each >= '0' && each <= '9'; });
}

/// Returns true if Host is an address, or a name of this host; with `in_any_domain` also that name in any domain.
bool is_known(std::string const& host, std::vector<std::string> const& names, bool in_any_domain) {
  std::string_view const text = host;
  if (text.starts_with('[')) {
    auto const end = text.find(']');
    if (end == std::string_view::npos) return false;
    auto const port = text.substr(end + 1);
    return is_address(AF_INET6, host.substr(1, end - 1)) &&
           (port.empty() || (port.front() == ':' && is_number(port.substr(1))));
  }
  auto const colon = text.find(':');
  if (colon != std::string_view::npos && !is_number(text.substr(colon + 1))) return false;
  auto const name = host.substr(0, colon);
  auto const is_name = [&](std::string const& text) {
    return std::find(names.begin(), names.end(), text) != names.end();
  };
  return name == "localhost" || is_address(AF_INET, name) || is_name(name) ||
         (in_any_domain && is_name(name.substr(0, name.find('.'))));
}

void check_origin(RequestHead const& head, std::vector<std::string> const& names, bool has_token) {
  auto const named = head.headers.find("host");
  if (named == head.headers.end()) throw Refusal(400, "the request has no field 'Host'");
  auto const host = lower_case(named->second);
  if (!is_known(host, names, has_token))
    throw Refusal(403, fmt::format("'{}' is no name of this server; ask for it by its address", named->second));
  auto const origin = head.headers.find("origin");
  if (origin == head.headers.end()) return;
  auto const from = lower_case(origin->second);
  if (from != "http://" + host && from != "https://" + host)
    throw Refusal(403, fmt::format("a page of '{}' may not send requests to '{}'", origin->second, named->second));
}

std::string_view cookie_in(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    auto const end = cookies.find(';');
    auto cookie = cookies.substr(0, end);
    cookies = end == std::string_view::npos ? std::string_view{} : cookies.substr(end + 1);
    while (cookie.starts_with(' ')) cookie.remove_prefix(1);
    if (cookie.size() > name.size() && cookie.starts_with(name) && cookie[name.size()] == '=')
      return cookie.substr(name.size() + 1);
  }
  return {};
}

/// Returns the token that the request shows; none if it shows none.
std::optional<std::string_view> shown_token(RequestHead const& head) {
  auto const found = head.headers.find("authorization");
  if (found == head.headers.end()) return std::nullopt;
  constexpr std::string_view scheme = "bearer ";
  std::string_view value = found->second;
  if (lower_case(value.substr(0, scheme.size())) != scheme) return std::string_view{};
  value.remove_prefix(scheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

}  // namespace

Admitted admit(RequestHead const& head, Target& target, AdmissionRules const& rules, std::uint16_t port) {
  auto const token = shown_token(head);
  bool const has_token = token && is_secret(*token, rules.token);
  check_origin(head, rules.hosts, has_token);
  if (has_token) return {.may_change = true};
  if (token) throw Refusal(401, "the token is wrong");
  // Browsers send a host's cookies to all its ports, so the name tells this server's from others'.
  auto const cookie = fmt::format("farm_key_{}", port);
  auto const key = rules.page_key.empty() ? target.query.end() : target.query.find("key");
  if (key != target.query.end()) {
    if (!is_secret(key->second, rules.page_key)) throw Refusal(401, "the key is wrong");
    target.query.erase(key);
    return {.set_cookie = fmt::format("{}={}; HttpOnly; SameSite=Strict; Path=/", cookie, rules.page_key)};
  }
  if (is_secret(cookie_in(field(head, "cookie"), cookie), rules.page_key)) return {};
  throw Refusal(401, "the request has no token: it needs 'Authorization: Bearer TOKEN', with the token of the server");
}

}  // namespace farm::detail::http
