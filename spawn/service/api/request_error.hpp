#pragma once

#include "spawn/service/http/server.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace farm::detail {

/// Thrown by what answers a request, for an answer with this status.
class RequestError : public std::runtime_error {
 public:
  RequestError(int http_status, std::string const& text) : runtime_error(text), status(http_status) {}
  int status;
};

/// Returns the answer {"error", "nearest"}. If the text ends with a question for the right word, that is `nearest`.
[[nodiscard]] http::Response error_response(int status, std::string const& text);

/// Returns the number in the query; none if it is not there. Throws RequestError if it is not a number.
[[nodiscard]] std::optional<std::uint64_t> number_in_query(http::Request const& request, std::string const& name);

}  // namespace farm::detail
