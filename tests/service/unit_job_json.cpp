#include "spawn/service/model/job_json.hpp"

#include "tests/support/catch.hpp"

#include <farm/error.hpp>

using namespace farm::detail;

namespace {

JobSpec full_spec() {
  TaskKind program{.command = {"./solver", "--alpha", "{alpha}"},
                   .columns = {"alpha", "n"},
                   .task_directory = "runs/{task}",
                   .stdin_file = "in",
                   .stdout_file = "out",
                   .stderr_file = "err",
                   .mpi = false,
                   .ranks = 2,
                   .threads = 3,
                   .gpus = 0,
                   .memory = std::int64_t{5} << 40,
                   .resources = {{"licence", 2}},
                   .timeout = 2.5,
                   .retries = 4,
                   .max_losses = 5,
                   .environment = {{"NAME", "gr\xc3\xbc\xc3\x9f\"e\n"}, {"EMPTY", ""}},
                   .directory = "/srv/a b"};
  return {.name = "sweep",
          .kinds = {std::move(program), {.function = "calc", .cache = true}},
          .priority = -3,
          .hold = true,
          .max_fails = 7,
          .after = {1, 18446744073709551615U},
          .key = "k-1"};
}

std::string error_of(std::string const& text) {
  try {
    static_cast<void>(spec_from_json(text));
  } catch (farm::UsageError const& error) {
    return error.what();
  }
  return "accepted";
}

std::string kind_error(std::string const& members) {
  return error_of(R"({"kinds": [{"function": "f"}, {"function": "g", )" + members + "}]}");
}

std::string task_error(std::string const& line) {
  try {
    static_cast<void>(listed_task_from_json(line));
  } catch (farm::UsageError const& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("Each state has a word, and each word its state") {
  for (std::size_t i = 0; i < task_states; ++i) {
    auto const state = static_cast<TaskState>(i);
    CHECK(state_of(word_of(state)) == state);
  }
  CHECK(word_of(TaskState::cancelled) == "cancelled");
  CHECK_FALSE(state_of("done"));
  CHECK_FALSE(state_of(""));
}

TEST_CASE("A job that has become JSON becomes the same job again") {
  auto const json = spec_to_json(full_spec());
  CHECK(json.find('\n') == std::string::npos);
  CHECK(spec_from_json(json) == full_spec());
}

TEST_CASE("What has its default is left out of a job's JSON") {
  CHECK(spec_to_json({.kinds = {{.function = "calc"}}}) == R"({"kinds":[{"function":"calc"}]})");
}

TEST_CASE("What is left out of a job's JSON, or null, has its default") {
  JobSpec const expected{.kinds = {{.function = "calc"}}};
  CHECK(spec_from_json(R"({"kinds": [{"function": "calc"}]})") == expected);
  CHECK(spec_from_json(R"({"name": null, "kinds": [{"function": "calc", "gpus": null, "mpi": null}]})") == expected);
}

TEST_CASE("An unknown member is refused with the nearest name") {
  CHECK(error_of(R"({"priorty": 1, "kinds": []})") ==
        "'spec' has an unknown member 'priorty': did you mean 'priority'?");
  CHECK(kind_error(R"("rank": 2)") == "'spec.kinds[1]' has an unknown member 'rank': did you mean 'ranks'?");
  CHECK(task_error(R"({"inptu": 1})") == "'task' has an unknown member 'inptu': did you mean 'input'?");
}

TEST_CASE("A program has no cache") {
  CHECK(error_of(R"({"kinds": [{"command": ["true"], "cache": true}]})") ==
        "'spec.kinds[0].cache' is for functions: nobody knows what the result of a program is");
}

TEST_CASE("A member of the wrong type is refused by name") {
  CHECK(error_of("[]") == "'spec' must be an object, not a list");
  CHECK(error_of(R"({"kinds": {}})") == "'spec.kinds' must be a list, not an object");
  CHECK(error_of(R"({"name": 5})") == "'spec.name' must be a text, not 5");
  CHECK(kind_error(R"("mpi": "yes")") == R"('spec.kinds[1].mpi' must be true or false, not "yes")");
  CHECK(kind_error(R"("columns": ["a", 1])") == "'spec.kinds[1].columns[1]' must be a text, not 1");
  CHECK(kind_error(R"("environment": {"A": 1})") == "'spec.kinds[1].environment.A' must be a text, not 1");
  CHECK(kind_error(R"("ranks": 1.5)") == "'spec.kinds[1].ranks' must be a whole number from 0 to 2147483647, not 1.5");
  CHECK(kind_error(R"("timeout": "10s")") == R"('spec.kinds[1].timeout' must be a number, not "10s")");
}

TEST_CASE("A number that is out of range is refused by name") {
  CHECK(kind_error(R"("ranks": -1)") == "'spec.kinds[1].ranks' must be a whole number from 0 to 2147483647, not -1");
  CHECK(kind_error(R"("ranks": 2147483648)") ==
        "'spec.kinds[1].ranks' must be a whole number from 0 to 2147483647, not 2147483648");
  CHECK(kind_error(R"("memory": 9223372036854775808)") ==
        "'spec.kinds[1].memory' must be a whole number from 0 to 9223372036854775807, not 9223372036854775808");
  CHECK(kind_error(R"("timeout": 0)") == "'spec.kinds[1].timeout' must be more than 0 and at most 1000000000, not 0");
  CHECK(kind_error(R"("resources": {"licence": -1})").starts_with("'spec.kinds[1].resources.licence' must be a whole"));
  CHECK(error_of(R"({"after": [0]})").starts_with("'spec.after[0]' must be a whole number from 1 to "));
  CHECK(
      error_of(R"({"priority": -2147483649})").starts_with("'spec.priority' must be a whole number from -2147483648"));
}

TEST_CASE("A job needs kinds of tasks, each with either a function or a command") {
  CHECK(error_of("{}") == "'kinds' of the job must have at least one kind of tasks");
  CHECK(error_of(R"({"kinds": [{}]})") == "'spec.kinds[0]' must have either a 'function' or a 'command'");
  CHECK(kind_error(R"("command": ["ls"])") == "'spec.kinds[1]' must have either a 'function' or a 'command'");
  CHECK(error_of(R"({"kinds": [{"command": [""]}]})") ==
        "'spec.kinds[0].command' must begin with the name of a program");
}

TEST_CASE("Texts that no program can be given are refused") {
  CHECK(kind_error(R"("directory": "a\u0000b")").starts_with("'spec.kinds[1].directory' must be a text without null"));
  CHECK(kind_error(R"("environment": {"A=B": "c"})") ==
        "'spec.kinds[1].environment' has 'A=B', which cannot be the name of a variable");
  CHECK(kind_error(R"("columns": ["a", "b", "a"])") == "'spec.kinds[1].columns' has 'a' more than once");
}

TEST_CASE("What is no JSON, or gives a member twice, is refused in one line") {
  CHECK(error_of("{").starts_with("this is not JSON: parse error at line 1, column 2"));
  CHECK(error_of("").starts_with("this is not JSON: "));
  CHECK(error_of("\n\n{\x01}").find('\n') == std::string::npos);
  CHECK(error_of("{\"name\": \"\xff\"}").starts_with("this is not JSON: "));
  CHECK(kind_error(R"("ranks": 1, "ranks": 2)") == R"(the member "ranks" is given twice)");
  CHECK(error_of(std::string(100000, '[')).starts_with("this is not JSON: "));
}

TEST_CASE("A job with a text that is not UTF-8 cannot become JSON") {
  CHECK_THROWS_AS(spec_to_json({.kinds = {{.function = "f", .directory = "\xff"}}}), farm::UsageError);
}

TEST_CASE("A listed task that has become JSON becomes the same task again") {
  TaskSpec const task{.input = R"({"a": [1, "},]"]})", .kind = 4000000000, .needs = {0, 7}, .name = "post"};
  CHECK(listed_task_from_json(listed_task_to_json(task)) == task);
  CHECK(listed_task_to_json({.input = "1"}) == R"({"input":1})");
  CHECK(listed_task_from_json("{}") == TaskSpec{.input = "null"});
}

TEST_CASE("The input of a listed task keeps every digit that was written") {
  for (std::string const input :
       {"123456789012345678901234567890", "-0", "1.000", "0.1000000000000000055511151231257827",
        R"(["\u00e4", {"x": -0, "]": "\"}"}])", R"("a\\")"}) {
    CHECK(listed_task_from_json(R"({"name": "n", "inp\u0075t" : )" + input + R"( , "kind": 1})").input == input);
    CHECK(listed_task_from_json(R"({"input":)" + input + "}").input == input);
  }
  CHECK(listed_task_from_json("{\"input\": [1,\n 2]\n}").input == "[1,  2]");
}

TEST_CASE("A listed task with a member out of range is refused by name") {
  CHECK(task_error(R"({"needs": [4294967296]})") ==
        "'task.needs[0]' must be a whole number from 0 to 4294967295, not 4294967296");
  CHECK(task_error(R"({"kind": -1})") == "'task.kind' must be a whole number from 0 to 4294967295, not -1");
  CHECK(task_error("[1]") == "'task' must be an object, not a list");
}
