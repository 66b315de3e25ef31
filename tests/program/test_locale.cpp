// Numbers are the same if a library has set the user's locale, which has a comma for the decimal point.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace {

/// Runs the program in a locale of Germany, which it makes first, or in one of Persia: there the decimal point is a
/// character of several bytes.
Outcome in_locale(std::string const& language, std::string const& arguments) {
  auto const name = language + ".UTF-8";
  auto const path = std::filesystem::absolute("locales");
  std::filesystem::create_directories(path);
  auto const made = run("localedef -i " + language + " -f UTF-8 '" + (path / name).string() + "'");
  CAPTURE(made.err);
  REQUIRE(std::filesystem::exists(path / name / "LC_NUMERIC"));
  return run("LOCPATH='" + path.string() + "' LC_ALL=" + name + " FARM_TEST_LOCALE=1 " NAMED_TASKS " " + arguments);
}

}  // namespace

TEST_CASE("numbers have a decimal point in every locale, in inputs, results, JSON and help") {
  auto const* const language = GENERATE("de_DE", "fa_IR");
  CAPTURE(language);
  CHECK(in_locale(language, "map half 1.5 .5 2 1234567.5").out == "0.75\n0.25\n1\n617283.75\n");
  CHECK(inputs_and_results(in_locale(language, "map half 1.5 --json").out) == "{\"input\":1.5,\"result\":0.75}\n");
  CHECK(inputs_and_results(in_locale(language, "map same 2.5e-3 '\"inf\"' --json").out) ==
        "{\"input\":0.0025,\"result\":0.0025}\n{\"input\":\"inf\",\"result\":\"inf\"}\n");
  CHECK(in_locale(language, "map complexes '[[1.5,.5]]'").out == "[(1.5, 0.5)]\n");
  CHECK(in_locale(language, "map half 1,5").status == 1);
}

TEST_CASE("a trace has decimal points in every locale, and is read in every locale") {
  CHECK(in_locale("de_DE", "map half 1 2 3 --trace trace.json").status == 0);
  for (auto const& event : nlohmann::json::parse(std::ifstream{"trace.json"})) {
    if (event.contains("ts")) CHECK(event["ts"].is_number());
  }
  auto const expected = run(NAMED_TASKS " report trace.json").out;
  CHECK_THAT(expected, contains("3 tasks, 3 with a value"));
  for (auto const* const language : {"de_DE", "fa_IR"}) CHECK(in_locale(language, "report trace.json").out == expected);
}
