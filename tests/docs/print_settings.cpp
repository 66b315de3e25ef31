// Prints the generated part of .docs/settings.md.
#include "core/base/settings.hpp"

#include <fmt/format.h>

int main() {
  for (auto const& row : farm::detail::settings_table()) {
    fmt::print("\n## `{}`\n\nValue: {}. Default: {}.\n\nMeaning: {}.\n", row.name, row.type, row.default_value,
               row.meaning);
  }
}
