// What map prints as JSON and as text can be told apart, and given again as an input.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

/// Runs a task on each line of a file: such inputs need no quotes of a shell, and may hold any byte.
Outcome over(std::string const& task, std::vector<std::string> const& inputs, std::string const& options) {
  std::ofstream file{"values.txt", std::ios::binary};
  for (auto const& input : inputs) file << input << '\n';
  file.close();
  return run(NAMED_TASKS " map " + task + " --over values.txt --max-ranks 1 " + options);
}

/// Returns the results as they are printed in JSON.
std::vector<std::string> json_results(Outcome const& outcome) {
  std::vector<std::string> results;
  for (auto const& line : lines(outcome.out)) {
    CHECK(Json::accept(line));
    auto const begin = line.find("\"result\":");
    REQUIRE(begin != std::string::npos);
    results.push_back(line.substr(begin + 9, line.find(",\"attempts\":") - begin - 9));
  }
  return results;
}

void check_that_results_can_be_given_again(std::string const& task, std::vector<std::string> const& results) {
  CAPTURE(task);
  CHECK(json_results(over(task, results, "--json")) == results);
}

}  // namespace

TEST_CASE("NaN, the infinities and minus zero come back as what they were, in JSON and as text") {
  auto const results = json_results(over("special", {"0", "1", "2", "3"}, "--json"));
  CHECK(results == std::vector<std::string>{R"("nan")", R"("inf")", R"("-inf")", "-0.0"});
  check_that_results_can_be_given_again("same", results);
  CHECK(over("same", {"nan", "inf", "-inf", "-0", "0", "-NaN", "Infinity"}, "").out ==
        "nan\ninf\n-inf\n-0\n0\nnan\ninf\n");
}

TEST_CASE("numbers inside lists and objects come back as what they were") {
  check_that_results_can_be_given_again("complexes", {R"([["nan",-0.0],["-inf",0.5]])"});
  check_that_results_can_be_given_again("deep::within", {R"({"a":["inf",-0.0,"nan"]})"});
  CHECK(over("deep::within", {R"({"nan": [nan, -inf, .5, +1, 2]})"}, "").out == "{\"nan\": [nan, -inf, 0.5, 1, 2]}\n");
  std::string const text = "[(nan, -0), (-inf, 0.5)]";
  CHECK(over("complexes", {text}, "").out == text + "\n");
}

TEST_CASE("the least and the greatest integers are exact") {
  std::string const limits = "[-9223372036854775808,18446744073709551615]";
  CHECK(json_results(over("limits", {"-9223372036854775808,18446744073709551615"}, "--json")).at(0) == limits);
}

TEST_CASE("a number that its type cannot hold is refused") {
  CHECK(over("same", {"1e999"}, "").complaints().at(0) ==
        "farm: values.txt:1: same: argument 1 is \"1e999\": 1e999 is out of the range of double");
  CHECK_THAT(over("half", {"1e39"}, "").complaints().at(0), contains("1e+39 is out of the range of float"));
  CHECK(over("same", {".1e-999"}, "").out == "0\n");
}

TEST_CASE("strings of any bytes are valid JSON, and come back as what they were") {
  auto const results = json_results(over("bytes", {"0", "1"}, "--json"));
  CHECK(results == std::vector<std::string>{R"({"base64":"//4="})", R"("a\u0000b")"});
  check_that_results_can_be_given_again("echo", results);
  CHECK(over("echo", {results[0]}, "").out == "\xff\xfe\n");
  CHECK(json_results(over("echo", {"caf\xe9", "caf\xc3\xa9"}, "--json")) ==
        std::vector<std::string>{R"({"base64":"Y2Fm6Q=="})", "\"caf\xc3\xa9\""});
  check_that_results_can_be_given_again("keys", {R"([["a",2],[{"base64":"/g=="},1],[{"base64":"/w=="},3]])"});
}
