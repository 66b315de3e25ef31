#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace farm::detail::http {

/// Why a request is refused. Whoever checks requests throws it; the answer has this status, and error_body().
class Refusal : public std::runtime_error {
 public:
  Refusal(int code, std::string const& text, std::string nearest_word = {})
      : runtime_error(text), status(code), nearest(std::move(nearest_word)) {}
  int status;           ///< 400 or more
  std::string nearest;  ///< the word that was probably meant; empty: none
};

/// Returns the body of an answer with an error: `{"error": "...", "nearest": null}`. Bytes that are not UTF-8 are
/// replaced.
[[nodiscard]] std::string error_body(std::string_view text, std::string_view nearest = {});

/// Returns the text of an error from such a body. Of any other body returns its beginning, in one line.
[[nodiscard]] std::string error_in(std::string_view body);

}  // namespace farm::detail::http
