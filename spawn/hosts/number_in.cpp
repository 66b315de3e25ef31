#include "spawn/hosts/number_in.hpp"

#include <charconv>
#include <system_error>

namespace farm::detail {

std::optional<int> number_in(std::string_view text) {
  int value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const good = error == std::errc{} && end == text.data() + text.size() && value > 0;
  return good ? std::optional{value} : std::nullopt;
}

}  // namespace farm::detail
