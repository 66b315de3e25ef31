// check_layers ROOT FLOORS: prints one line for each violation of the order of folders, and fails if it prints any.
#include "tests/layers/layers.hpp"

#include <fmt/format.h>

#include <exception>
#include <fstream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: check_layers ROOT FLOORS\n");
    return 2;
  }
  try {
    std::ifstream stream{argv[2]};
    std::string const text{std::istreambuf_iterator<char>{stream}, {}};
    auto const violations = layers::find_violations(argv[1], layers::read_floors(text));
    for (std::string const& violation : violations) {
      fmt::print("{}\n", violation);
    }
    fmt::print("{} violations\n", violations.size());
    return violations.empty() ? 0 : 1;
  } catch (std::exception const& e) {
    fmt::print(stderr, "check_layers: {}\n", e.what());
    return 2;
  }
}
