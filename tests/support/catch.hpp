#pragma once

#include <string>

// Catch2, whichever version is installed.
#if FARM_CATCH2_VERSION >= 3
#include <catch2/catch_all.hpp>
using Catch::Approx;
namespace Matchers = Catch::Matchers;
#else
#include <catch2/catch.hpp>
#endif

/// A matcher: the text has this in it.
inline auto has_text(std::string const& part) {
#if FARM_CATCH2_VERSION >= 3
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}
