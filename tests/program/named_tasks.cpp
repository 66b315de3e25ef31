// A program as a user writes it: it has tasks and no main().
#include <farm/farm.hpp>

#include "tests/support/plain_comm.hpp"

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <clocale>
#include <cmath>
#include <complex>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
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

int sum(std::vector<int> const& numbers, farm::TaskContext& /*context*/, PlainComm /*comm*/) {
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

/// Throws until it was called so often. The file counts.
int fails_until(std::string const& file, int calls) {
  std::ofstream{file, std::ios::app} << "x";
  if (static_cast<int>(std::filesystem::file_size(file)) < calls) throw std::runtime_error("not yet");
  return calls;
}
FARM_TASK(fails_until)

std::string variable(std::string const& name) {
  char const* const value = getenv(name.c_str());
  return value != nullptr ? value : "";
}
FARM_TASK(variable)

std::string directory() { return std::filesystem::current_path().string(); }
FARM_TASK(directory)

/// Waits for a file.
std::string when_there(std::string const& file, std::string const& text) {
  while (!std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  return text;
}
FARM_TASK(when_there)

/// Waits for a file, and says so.
std::string nap_until(std::string const& file) {
  std::cout << "napping" << std::endl;
  return when_there(file, "awake");
}
FARM_TASK(nap_until)

/// Kills the master when a file has so many lines.
int kill_master_after(std::string const& file, int lines) {
  while (lines > 0) {
    std::ifstream in{file};
    if (std::count(std::istreambuf_iterator<char>{in}, {}, '\n') >= lines) {
      std::ifstream pid{"master.pid"};
      int master = 0;
      if (pid >> master) kill(master, SIGKILL);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return lines;
}
FARM_TASK(kill_master_after)

farm::Array<double> ramp(double start, int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), start);
  return farm::stage(values, {2, values.size() / 2});
}
FARM_TASK(ramp, "start", "n")

farm::Slab<double> add(double amount, farm::Slab<double const> const& in, farm::Comm const& comm) {
  farm::Slab<double> out{comm, in.extents()};
  std::transform(in.begin(), in.end(), out.begin(), [amount](double value) { return value + amount; });
  return out;
}
FARM_TASK(add)

std::vector<float> powers(std::string const& /*label*/, float x) { return {1, x, x * x}; }
FARM_TASK(powers)

double total(farm::Array<double> const& array) {
  auto const values = array.read();
  return std::accumulate(values.begin(), values.end(), 0.0) + 1000.0 * static_cast<double>(array.dimensions());
}
FARM_TASK(total)

/// A struct whose members have names.
struct Fit {
  double slope = 0;
  std::vector<int> used;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(slope), cereal::make_nvp("points", used));
  }
};
Fit refit(Fit fit, double factor) {
  fit.slope *= factor;
  fit.used.push_back(static_cast<int>(fit.used.size()));
  return fit;
}
FARM_TASK(refit)

/// A struct without serialize().
struct Plain {
  std::string label;
  Fit fit;
  int counts[2];
};
Plain plain(Plain value) {
  value.label += "!";
  return value;
}
FARM_TASK(plain)

std::filesystem::path parent(std::filesystem::path const& path) { return path.parent_path(); }
FARM_TASK(parent)

/// Exits until it was called so often. The file counts.
int exits_until(std::string const& file, int calls) {
  std::ofstream{file, std::ios::app} << "x";
  if (static_cast<int>(std::filesystem::file_size(file)) < calls) std::exit(3);
  return calls;
}
FARM_TASK(exits_until)

/// Reports that it is at 40 % until there is a file.
int at_40_percent(std::string const& file, farm::TaskContext& context) {
  while (!std::filesystem::exists(file)) {
    context.set_progress(0.4);
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return 40;
}
FARM_TASK(at_40_percent)
