#pragma once

// Catch2, whichever version is installed.
#if FARM_CATCH2_VERSION >= 3
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <string>

/// REQUIRE_THAT(text, contains("part")), which the versions name differently.
inline auto contains(std::string const& part) {
#if FARM_CATCH2_VERSION >= 3
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}
