// A program as a user writes it: it has tasks and no main().
#include <farm/farm.hpp>

#include <csignal>
#include <cstdlib>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

double scale(double x, double factor) { return x * factor; }
FARM_TASK(scale)

std::string greet(std::string_view name) { return "hello " + std::string{name}; }
FARM_TASK(greet)

std::string join(std::string const& a, std::string const& b) { return a + "|" + b; }
FARM_TASK(join)

int sum(std::vector<int> const& numbers, farm::TaskContext& /*context*/, MPI_Comm /*comm*/) {
  return std::accumulate(numbers.begin(), numbers.end(), 0);
}
FARM_TASK(sum)

void nothing(int /*i*/) {}
FARM_TASK(nothing)

int not_two(int i) {
  if (i == 2) throw std::invalid_argument("two\nlines");
  return i;
}
FARM_TASK(not_two)

int killed_by_two(int i) {
  if (i == 2) raise(SIGKILL);
  return i;
}
FARM_TASK(killed_by_two)

struct Opaque {
  int number = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number);
  }
};
Opaque opaque() { return {1}; }
FARM_TASK(opaque)

std::string stage() {
  char const* const value = getenv("FARM_STAGE_DIR");
  return value != nullptr ? value : "";
}
FARM_TASK(stage)

namespace deep {
std::map<std::string, std::vector<float>> within(std::map<std::string, std::vector<float>> map) { return map; }
}  // namespace deep
FARM_TASK(deep::within)
