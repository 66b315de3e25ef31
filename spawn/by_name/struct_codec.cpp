#include <farm/detail/struct_codec.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace farm::detail {

void throw_no_member(std::string const& name) { throw TextMismatch(fmt::format("there is no member {}", name)); }

void throw_bad_member(std::string const& name, char const* why) {
  throw TextMismatch(fmt::format("member {}: {}", name, why));
}

TextValue const* find_member(TextValue::Members const& members, std::string const& name) {
  auto const found = std::find(members.names.begin(), members.names.end(), name);
  if (found == members.names.end()) return nullptr;
  return &members.values[static_cast<std::size_t>(found - members.names.begin())];
}

}  // namespace farm::detail
