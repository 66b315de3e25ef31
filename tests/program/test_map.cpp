// farm map, as the master of spawned groups.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>

namespace {

Outcome named(std::string const& arguments) { return run(in_mpiexec(4, std::string{NAMED_TASKS} + " " + arguments)); }

}  // namespace

TEST_CASE("map prints one result per input, in the order of the inputs") {
  auto const outcome = farm_in(5, "map calc 1 2 3 4 --ranks-per-task 2");
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "(1, 2, 0)\n(2, 2, 0)\n(3, 2, 0)\n(4, 2, 0)\n");
  CHECK(outcome.err.empty());
}

TEST_CASE("map works without mpiexec, and groups may have more ranks than the host has cores") {
  auto const outcome = farm("map calc -1 2 --ranks-per-task 3 --json");
  CHECK(outcome.status == 0);
  CHECK(inputs_and_results(outcome.out) == "{\"input\":-1,\"result\":[-1,3,0]}\n{\"input\":2,\"result\":[2,3,0]}\n");
}

TEST_CASE("map takes inputs from the command line, a file and the standard input") {
  std::ofstream{"inputs.txt"} << "5\n\n6\r\n7";
  CHECK(farm_in(3, "map calc 4 --over inputs.txt").out == "(4, 1, 0)\n(5, 1, 0)\n(6, 1, 0)\n(7, 1, 0)\n");
  auto const piped = run("printf '1\\n2\\n' | " + in_mpiexec(3, FARM_PROGRAM " map calc --over - --max-ranks 1"));
  CHECK(piped.status == 0);
  CHECK(piped.out == "(1, 1, 0)\n(2, 1, 0)\n");
  std::ofstream{"marked.txt"} << "\xef\xbb\xbf"
                                 "8\r\n9\r\n";  // as editors of other systems write a file
  CHECK(farm_in(3, "map calc --over marked.txt").out == "(8, 1, 0)\n(9, 1, 0)\n");
  auto const none = farm_in(3, "map calc --over /dev/null");
  CHECK(none.status == 0);
  CHECK(none.out.empty());
  CHECK(none.err == "no inputs\n");
}

TEST_CASE("what follows -- is the task and its inputs") {
  auto const outcome = farm("map -- calc -1 2");
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "(-1, 1, 0)\n(2, 1, 0)\n");
  CHECK(farm("map --").err == "farm: TASK is required; see farm map --help\n");
}

TEST_CASE("too few slots are reported in one line") {
  auto const slots = farm_in(3, "map calc 1 --ranks-per-task 4");
  CHECK(slots.status != 0);
  CHECK(slots.out.empty());
  REQUIRE(slots.complaints().size() == 1);
  CHECK_THAT(slots.complaints()[0], contains("there are 2 slots"));
  CHECK_THAT(slots.complaints()[0], contains("-host"));
  auto const ranks = farm_in(5, "map calc 1 --ranks-per-task 4 --max-ranks 2");
  CHECK(ranks.status != 0);
  REQUIRE(ranks.complaints().size() == 1);
  CHECK_THAT(ranks.complaints()[0], contains("--ranks-per-task is 4, which is more than --max-ranks, 2"));
}

TEST_CASE("a program with tasks of its own has the same command line") {
  auto const list = run(NAMED_TASKS " tasks");
  CHECK(list.status == 0);
  CHECK(list.out ==
        "add(double, array of double) -> array of double\n"
        "at_40_percent(string) -> int\n"
        "bytes(int) -> string\n"
        "complexes(list of complex) -> list of complex\n"
        "deep::within(object of list of float) -> object of list of float\n"
        "directory() -> string\n"
        "echo(string) -> string\n"
        "exits_until(string, int) -> int\n"
        "fails_until(string, int) -> int\n"
        "greet(string) -> string\n"
        "half(float) -> float\n"
        "join(string, string) -> string\n"
        "keys(object of int) -> object of int\n"
        "kill_master_after(string, int) -> int\n"
        "killed_by_two(int) -> int\n"
        "limits(int64, uint64) -> (int64, uint64)\n"
        "nap(int) -> int\n"
        "nap_until(string) -> string\n"
        "noisy(int) -> int\n"
        "not_two(int) -> int\n"
        "nothing(int) -> nothing\n"
        "opaque() -> bytes\n"
        "parent(path) -> path\n"
        "plain((string, {double slope, list of int points}, list of 2 int)) -> (string, {double slope, list of int "
        "points}, list of 2 int)\n"
        "powers(string, float) -> list of float\n"
        "ramp(double start, int n) -> array of double\n"
        "refit({double slope, list of int points}, double) -> {double slope, list of int points}\n"
        "same(double) -> double\n"
        "scale(double, double) -> double\n"
        "special(int) -> double\n"
        "stage() -> string\n"
        "sum(list of int) -> int\n"
        "total(array of double) -> double\n"
        "variable(string) -> string\n"
        "when_there(string, string) -> string\n");
  CHECK(run(NAMED_TASKS " demo").err ==
        "farm: unknown subcommand 'demo': there are map, run, tasks, doctor, report, completion, man\n");
}

TEST_CASE("inputs are JSON, or text for strings") {
  CHECK(named("map scale 1,2.5 .5,-1e1 inf,1").out == "2.5\n-5\ninf\n");
  CHECK(named("map greet you '\"a\\tb\"' 42 'a, [b' '' -- --json").out ==
        "hello you\nhello a\tb\nhello 42\nhello a, [b\nhello \nhello --json\n");
  CHECK(inputs_and_results(named("map join 'a b,c' '\"x,y\",z' --json").out) ==
        "{\"input\":[\"a b\",\"c\"],\"result\":\"a b|c\"}\n{\"input\":[\"x,y\",\"z\"],\"result\":\"x,y|z\"}\n");
  CHECK(inputs_and_results(named("map sum '[1,2,3]' '[]' --json").out) ==
        "{\"input\":[1,2,3],\"result\":6}\n{\"input\":[],\"result\":0}\n");
  CHECK(named("map deep::within '{\"b\":[0.1,2],\"a\":[]}'").out == "{\"a\": [], \"b\": [0.1, 2]}\n");
}

TEST_CASE("words that look like lists, options or subcommands are inputs and file names too") {
  CHECK(inputs_and_results(named("map echo '[x]' --json '[a,b]' ++ map '[c] '").out) ==
        R"({"input":"[x]","result":"[x]"}
{"input":"[a,b]","result":"[a,b]"}
{"input":"++","result":"++"}
{"input":"map","result":"map"}
{"input":"[c] ","result":"[c] "}
)");
  CHECK(named("map scale -.5,2 -inf,2 -1,-1").out == "-1\n-inf\n1\n");
  std::ofstream{"[x]"} << "7\n";
  for (auto const* const option : {"--over '[x]'", "'--over=[x]'"}) {
    CAPTURE(option);
    CHECK(farm_in(3, std::string{"map calc "} + option).out == "(7, 1, 0)\n");
  }
  CHECK(named("map echo a --trace '[trace]'").status == 0);
  CHECK(std::filesystem::exists("[trace]"));
}

TEST_CASE("void results and opaque results are shown too") {
  CHECK(named("map nothing 1").out == "done\n");
  CHECK(inputs_and_results(named("map nothing 1 --json").out) == "{\"input\":1,\"result\":null}\n");
  CHECK_THAT(named("map opaque ''").out, contains(" bytes>\n"));
}

TEST_CASE("a task that fails does not affect the results of the others") {
  for (auto const* const task : {"not_two", "killed_by_two"}) {
    CAPTURE(task);
    auto const outcome = named(std::string{"map "} + task + " 1 2 3");
    CHECK(outcome.status == 1);
    CHECK(outcome.out == "1\n3\n");
    REQUIRE(outcome.complaints().size() == 1);
    CHECK_THAT(outcome.complaints()[0], contains("input \"2\": "));
  }
  CHECK_THAT(named("map not_two 2").complaints().at(0), contains("std::invalid_argument: two lines"));
}

TEST_CASE("a missing PMIx library is reported in one line", "[spawned]") {
  auto const outcome = run("FARM_PMIX_LIBRARY=/absent.so " FARM_PROGRAM " map calc 1");
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  REQUIRE(lines(outcome.err).size() == 1);
  CHECK_THAT(outcome.err, contains("/absent.so"));
  CHECK_THAT(outcome.err, contains("FARM_PMIX_LIBRARY"));
}

TEST_CASE("the stage directory reaches the ranks") {
  std::filesystem::create_directory("stage");
  CHECK(named("map stage '' --stage stage").out == std::filesystem::canonical("stage").string() + "\n");
}
