#pragma once

#include <cstdio>
#include <cstdlib>

/// What must hold for every input: else it is a finding, which libFuzzer keeps.
inline void expect(bool holds, char const* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}
