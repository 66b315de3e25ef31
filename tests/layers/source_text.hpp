#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Reads C++ text only as far as the layers test needs: include directives and the namespaces at the top of a header.
namespace layers {

/// One include directive.
struct Include {
  int line = 0;
  std::string name;     ///< without quotes or brackets
  bool quoted = false;  ///< "name" rather than <name>
};

/// Returns all include directives of the text, except those in comments and in string literals.
std::vector<Include> includes_in(std::string_view text);

/// Returns true if the text declares something in farm::detail, and nothing in farm itself or in the global namespace.
/// Forward declarations do not count as declarations here; macros do.
bool declares_detail_only(std::string_view text);

}  // namespace layers
