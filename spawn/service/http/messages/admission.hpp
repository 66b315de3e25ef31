#pragma once

#include "spawn/service/http/messages/percent.hpp"
#include "spawn/service/http/messages/request_parser.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace farm::detail::http {

/// Who may send requests to a port.
struct AdmissionRules {
  std::string token{};               ///< empty: nobody has it
  std::string page_key{};            ///< empty: there is no page
  std::vector<std::string> hosts{};  ///< the names of this host by which clients may ask for it, in lower case
};

struct Admitted {
  bool may_change = false;   ///< has shown the token, not only the page's key
  std::string set_cookie{};  ///< what the answer's Set-Cookie is to be; empty: none
};

/// Checks a request that has come to a port, and takes the page's key out of the query. Throws Refusal: with 403 if
/// Host or Origin are foreign, as those of web pages of others are; with 401 if neither token nor key are right.
///
/// A page of others can make a browser send requests here, but cannot choose Host and Origin. By a name of its own that
/// suddenly means this machine (DNS rebinding) it could even read the answers: so Host must be an address, or a name
/// that is known here. Who has the token may ask for this machine's name in any domain, too.
[[nodiscard]] Admitted admit(RequestHead const& head, Target& target, AdmissionRules const& rules, std::uint16_t port);

}  // namespace farm::detail::http
