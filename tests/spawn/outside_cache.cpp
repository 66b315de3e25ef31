// Programs whose results are cached, as users start them: killed and started again, changed, and several at a time.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

constexpr int tasks = 100;
std::string const launched = "FARM_SOURCE=launched";   // NOLINT: a string
std::string const version_a = FARM_CACHING_PROGRAM_A;  // NOLINT: a string

/// An empty directory, in which the programs run.
void begin() {
  fs::remove_all("cache");
  for (int i = 0; i < tasks; ++i) fs::remove(fmt::format("ran-{}", i));
}

/// Returns the tasks that have run since the last call, and those that have run twice with a minus.
std::set<int> ran() {
  std::set<int> numbers;
  for (int i = 0; i < tasks; ++i) {
    auto const name = fmt::format("ran-{}", i);
    if (!fs::exists(name)) continue;
    numbers.insert(fs::file_size(name) == 1 ? i : -i - 1);
    fs::remove(name);
  }
  return numbers;
}

std::size_t entries() {
  std::size_t count = 0;
  for (auto const& entry : fs::recursive_directory_iterator{"cache"})
    count += entry.path().filename().string().size() == 64 ? 1U : 0U;
  return count;
}

/// What a sweep prints.
std::string results(int factor, std::size_t cached) {
  std::string text;
  for (int i = 0; i < tasks; ++i) text += fmt::format("{} {}\n", i, factor * i);
  return text + fmt::format("cached {}\n", cached);
}

std::string sweep(std::string const& program) { return fmt::format("{} {}", as_word(program), tasks); }

std::string output_of(std::string const& program) { return run_program(sweep(program), launched).output; }

void write_script(std::string const& name, std::string const& text) { std::ofstream{name} << text; }

}  // namespace

TEST_CASE("a sweep whose master was killed runs exactly what is missing when it is started again") {
  begin();
  std::ofstream{"hold"};  // the last tasks do not end
  write_script("kill.sh",
               "\"$1\" 100 & p=$!\n"
               "until [ \"$(ls | grep -c '^ran-')\" -ge 60 ]; do sleep 0.01; done\n"
               "kill -9 $p; wait $p\n");
  auto const killed = run_program("sh kill.sh " + as_word(version_a), launched);
  fs::remove("hold");
  CHECK(killed.left.empty());
  auto const before = ran();
  CHECK(before.size() >= 60);
  auto const kept = entries();
  CAPTURE(kept, before.size());
  CHECK(kept <= before.size());
  REQUIRE(kept < tasks);
  CHECK(kept > 0);
  std::istringstream printed{killed.output};
  std::set<int> told;
  for (int i = 0, result = 0; printed >> i >> result;) told.insert(i);

  auto const again = run_program(sweep(version_a), launched);
  CHECK(again.status == 0);
  CHECK(again.output == results(1, kept));
  auto const after = ran();
  CHECK(after.size() == tasks - kept);
  for (int const i : told) CHECK_FALSE(after.contains(i));  // whose result was known is on disk

  CHECK(output_of(version_a) == results(1, tasks));
  CHECK(ran().empty());
}

TEST_CASE("another build of the same version takes the results, another version and a build without version do not") {
  begin();
  CHECK(output_of(version_a) == results(1, 0));
  CHECK(output_of(FARM_CACHING_PROGRAM_A_REBUILT) == results(1, tasks));  // it would compute something else
  CHECK(ran().size() == tasks);
  CHECK(output_of(FARM_CACHING_PROGRAM_B) == results(2, 0));
  CHECK(output_of(FARM_CACHING_PROGRAM_UNVERSIONED) == results(3, 0));
  CHECK(output_of(FARM_CACHING_PROGRAM_UNVERSIONED_REBUILT) == results(4, 0));
  CHECK(output_of(FARM_CACHING_PROGRAM_UNVERSIONED) == results(3, tasks));
  CHECK(output_of(version_a) == results(1, tasks));
  CHECK(entries() == 4 * tasks);
}

TEST_CASE("programs that use one cache at the same time get the same results, and leave one entry for each") {
  begin();
  write_script("both.sh", "\"$1\" 100 >a.txt & \"$1\" 100 >b.txt; wait $!; grep -vh cached a.txt b.txt\n");
  auto const both = run_program("sh both.sh " + as_word(version_a), launched);
  CHECK(both.status == 0);
  CHECK(both.left.empty());
  auto const lines = results(1, 0);
  auto const once = lines.substr(0, lines.rfind("cached"));
  CHECK(both.output == once + once);
  CHECK(entries() == tasks);
  for (auto const& file : fs::recursive_directory_iterator{"cache"})
    CHECK_THAT(file.path().filename().string(), !contains(".part"));
  static_cast<void>(ran());
  CHECK(output_of(version_a) == results(1, tasks));
  CHECK(ran().empty());
}
