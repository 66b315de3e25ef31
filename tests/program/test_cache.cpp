// Results that are kept in a cache: map --cache, and the command cache.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using Json = nlohmann::json;

Outcome named(std::string const& arguments) { return run(std::string{NAMED_TASKS} + " " + arguments); }

void begin() {
  std::filesystem::remove_all("cache");
  std::filesystem::remove("calls");
}

/// Runs fails_until, which counts its calls in a file, for inputs that need one call.
Outcome count_calls(std::string const& more) { return named("map fails_until calls,1 " + more); }

std::size_t calls() { return std::filesystem::exists("calls") ? std::filesystem::file_size("calls") : 0; }

}  // namespace

TEST_CASE("map --cache takes results from there, and the record says that no attempt was made") {
  begin();
  for (int round = 0; round < 2; ++round) {
    auto const outcome = count_calls("--cache cache --json");
    CHECK(outcome.status == 0);
    auto const record = Json::parse(outcome.out);
    CHECK(record["result"] == 1);
    CHECK(record["attempts"] == 1 - round);
    CHECK(calls() == 1);
  }
  CHECK(count_calls("").out == "1\n");
  CHECK(calls() == 2);
  CHECK(run("FARM_CACHE=cache " + std::string{NAMED_TASKS} + " map fails_until calls,1").out == "1\n");
  CHECK(calls() == 2);
}

TEST_CASE("a sweep with chunks is taken from the cache input by input, and the last line counts") {
  begin();
  CHECK(named("map not_two 1 3 4 --cache cache --chunksize 3").out == "1\n3\n4\n");
  auto const outcome = named("map not_two $(seq 5) --cache cache --chunksize 2 --json");
  CHECK(outcome.status == 1);
  auto const records = lines(outcome.out);
  REQUIRE(records.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    auto const record = Json::parse(records[i]);
    CHECK(record.contains("error") == (i == 1));
    if (i != 1) CHECK(record["result"] == i + 1);
  }
  CHECK_THAT(outcome.err, contains("4 done (3 of them from the cache), 1 failed, 0 not started"));
}

TEST_CASE("arrays come from the cache, too") {
  begin();
  for (int round = 0; round < 2; ++round) {
    std::filesystem::remove("all.h5");
    auto const outcome = named("map ramp 1,40000 2,40000 --cache cache --gather all.h5:/u --quiet");
    CHECK(outcome.status == 0);
    CHECK(std::filesystem::file_size("all.h5") > 2 * 40'000 * sizeof(double));
  }
  auto const info = Json::parse(run(FARM_PROGRAM " cache info cache --output-mode json").out);
  CHECK(info["functions"]["ramp"]["results"] == 2);
  CHECK(info["bytes"] > 2 * 40'000 * sizeof(double));
}

TEST_CASE("a trace tells which tasks were taken from the cache") {
  begin();
  for (int round = 0; round < 2; ++round) named("map scale 1,2 3,4 --cache cache --trace trace.json");
  CHECK_THAT(run(FARM_PROGRAM " report trace.json").out, contains("2 tasks, 2 taken from the cache"));
}

TEST_CASE("cache list, info and clear tell what there is, as text, as JSON, or in short") {
  begin();
  CHECK(named("map scale 1,2 3,4 5,6 --cache cache").status == 0);
  CHECK(named("map greet you --cache cache").status == 0);
  auto const cache = [](std::string const& arguments) { return run(FARM_PROGRAM " cache " + arguments); };

  auto const listed = cache("list cache");
  CHECK(listed.status == 0);
  CHECK(lines(listed.out).size() == 5);
  CHECK_THAT(listed.out, contains("scale, build ") && contains("greet, build ") && contains("function, version"));
  CHECK(lines(cache("list cache --function scale --output-mode quiet").out).size() == 3);
  for (auto const& line : lines(cache("list cache --output-mode json").out)) {
    auto const result = Json::parse(line);
    CHECK(result["key"].get<std::string>().size() == 64);
    CHECK(result["ranks"] == 1);
    CHECK(result["bytes"] > 100);
  }
  CHECK(cache("info cache --output-mode quiet").out == "4\n");
  CHECK_THAT(cache("info cache").out, contains("cache: 4 results, ") && contains("greet"));

  CHECK(cache("clear cache --older-than 1h --output-mode quiet").out.empty());
  CHECK_THAT(cache("clear cache --older-than 1h").out, contains("0 results removed"));
  CHECK_THAT(cache("clear cache --function greet").out, contains("1 result removed, "));
  CHECK(Json::parse(cache("clear cache --output-mode json").out)["removed"] == 3);
  CHECK(cache("list cache").out == "no results\n");
}

TEST_CASE("a damaged entry is listed as such, and cleared") {
  begin();
  CHECK(named("map scale 1,2 --cache cache").status == 0);
  for (auto const& entry : std::filesystem::recursive_directory_iterator{"cache"}) {
    if (entry.path().filename().string().size() == 64) std::filesystem::resize_file(entry.path(), 10);
  }
  CHECK_THAT(run(FARM_PROGRAM " cache list cache").out, contains("damaged: its end is missing"));
  CHECK_THAT(run(FARM_PROGRAM " cache info cache").out, contains("1 result, ") && contains("1 of them damaged"));
  CHECK_THAT(run(FARM_PROGRAM " cache clear cache").out, contains("1 result removed"));
}

TEST_CASE("wrong words of the command cache are answered with the right ones") {
  begin();
  std::filesystem::create_directories("plain");
  std::ofstream{"plain/file"};
  auto const complaint = [](std::string const& arguments, int status) {
    auto const outcome = run("env -u FARM_CACHE " FARM_PROGRAM " cache " + arguments);
    CHECK(outcome.status == status);
    return outcome.err;
  };
  CHECK_THAT(complaint("lst cache", 2), contains("did you mean 'list'?"));
  CHECK_THAT(complaint("list cache --output-mode jsno", 2), contains("did you mean 'json'?"));
  CHECK_THAT(complaint("clear cache --older-than soon", 2), contains("'soon' was given, a time is expected"));
  CHECK_THAT(complaint("list", 2), contains("DIR is required, since FARM_CACHE is not set"));
  CHECK_THAT(complaint("list nowhere", 1), contains("there is no such directory"));
  CHECK_THAT(complaint("clear plain", 1), contains("it is no cache of the farm"));
  CHECK(std::filesystem::exists("plain/file"));
}

TEST_CASE("map refuses a directory that is no cache before anything starts, and run has no cache") {
  std::filesystem::create_directories("plain");
  std::ofstream{"plain/file"};
  auto const outcome = named("map scale 1,2 --cache plain");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err, contains("it is not empty, and no cache of the farm"));
  auto const programs = run(FARM_PROGRAM " run --cache cache -- true");
  CHECK(programs.status == 2);
  CHECK_THAT(programs.err, contains("--cache is for functions, with map"));
}
