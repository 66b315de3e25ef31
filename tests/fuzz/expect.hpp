#pragma once

#include <cstdio>
#include <cstdlib>

/// Aborts unless `holds`, which must be true for every input; libFuzzer then keeps the input.
inline void expect(bool holds, char const* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}
