#include "spawn/service/api/request_error.hpp"

#include "spawn/service/protocol/object_text.hpp"

#include <fmt/format.h>

#include <charconv>

namespace farm::detail {
namespace {

/// Returns X of "did you mean X?", or of "did you mean 'X'?".
std::string_view nearest_of(std::string_view text) {
  constexpr std::string_view question{"did you mean "};
  auto const begin = text.find(question);
  auto const end = text.rfind('?');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin + question.size()) return {};
  auto word = text.substr(begin + question.size(), end - begin - question.size());
  if (word.size() > 2 && word.starts_with('\'') && word.ends_with('\'')) word = word.substr(1, word.size() - 2);
  return word;
}

}  // namespace

http::Response error_response(int status, std::string const& text) {
  auto const nearest = nearest_of(text);
  return {.status = status, .body = ObjectText{}.add("error", text).add_or_null("nearest", nearest).take()};
}

std::optional<std::uint64_t> number_in_query(http::Request const& request, std::string const& name) {
  auto const found = request.query.find(name);
  if (found == request.query.end()) return std::nullopt;
  auto const& text = found->second;
  std::uint64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty())
    throw RequestError(400, fmt::format("{}={} is not a number", name, text.substr(0, 40)));
  return number;
}

}  // namespace farm::detail
