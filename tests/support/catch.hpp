#pragma once

// Includes the installed version of Catch2, 2 or 3.
#if FARM_CATCH2_VERSION >= 3
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <string>

/// Returns the matcher for substrings, whose name differs between the versions: REQUIRE_THAT(text, contains("part")).
inline auto contains(std::string const& part) {
#if FARM_CATCH2_VERSION >= 3
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}
