// A program as a user writes it: it has tasks and no main().
#include <farm/farm.hpp>

#include <unistd.h>
#include <chrono>
#include <clocale>
#include <cmath>
#include <complex>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <locale>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

/// What a library may do before main(): print, and choose the locale of the user.
static bool const library_is_loaded = [] {
  if (getenv("FARM_TEST_NOISE") != nullptr) {
    std::puts("loading");
    std::cout << "loaded" << std::endl;
    if (write(STDOUT_FILENO, "ready\n", 6) != 6) std::abort();
  }
  if (getenv("FARM_TEST_LOCALE") != nullptr) {
    if (std::setlocale(LC_ALL, "") == nullptr) std::abort();
    std::locale::global(std::locale(""));
  }
  return true;
}();

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

int noisy(int i) {
  std::cout << "working on " << i << std::endl;
  std::printf("a line without an end");
  return i;
}
FARM_TASK(noisy)

float half(float x) { return x / 2; }
FARM_TASK(half)

double same(double x) { return x; }
FARM_TASK(same)

std::vector<std::complex<double>> complexes(std::vector<std::complex<double>> values) { return values; }
FARM_TASK(complexes)

double special(int i) { return std::vector{-std::nan(""), HUGE_VAL, -HUGE_VAL, -0.0}.at(static_cast<std::size_t>(i)); }
FARM_TASK(special)

std::tuple<std::int64_t, std::uint64_t> limits(std::int64_t least, std::uint64_t most) { return {least, most}; }
FARM_TASK(limits)

std::string echo(std::string text) { return text; }
FARM_TASK(echo)

std::string bytes(int i) { return i == 0 ? std::string{"\xff\xfe"} : std::string{"a\0b", 3}; }
FARM_TASK(bytes)

std::map<std::string, int> keys(std::map<std::string, int> map) { return map; }
FARM_TASK(keys)

int nap(int seconds) {
  std::cout << "napping" << std::endl;
  std::this_thread::sleep_for(std::chrono::seconds{seconds});
  return seconds;
}
FARM_TASK(nap)
