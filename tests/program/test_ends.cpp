// Programs that end early: a reader that has enough, and signals. Nothing is left behind.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <string>

namespace {

/// Runs commands of a shell in which `prog` is the program of named tasks. Checks that neither processes nor files of
/// stages are left.
Outcome run_and_look(std::string const& commands) {
  static int runs = 0;
  auto const mark = "FARM_TEST_MARK=ends" + std::to_string(getpid()) + "." + std::to_string(++runs);
  std::filesystem::remove_all("stage");
  std::filesystem::create_directory("stage");
  auto const outcome =
      run("prog() { exec env " + mark + " FARM_STAGE_DIR=stage " NAMED_TASKS " \"$@\"; }\n" + commands);
  // the daemon of a launcher may take a moment to end
  CHECK(run("for i in $(seq 100); do left=$(grep -lzxF " + mark +
            " /proc/[0-9]*/environ 2>/dev/null); [ -z \"$left\" ] && exit 0; sleep 0.1; done; echo $left; exit 1")
            .status == 0);
  CHECK(std::filesystem::is_empty("stage"));
  return outcome;
}

}  // namespace

TEST_CASE("a program whose reader has enough ends quietly, and leaves nothing behind") {
  for (auto const* const arguments :
       {"map same --json $(seq 5000)", "map same $(seq 5000)", "map noisy $(seq 500)", "map noisy --json $(seq 500)"}) {
    CAPTURE(arguments);
    bool const is_noisy = std::string{arguments}.starts_with("map noisy --json");
    auto const outcome = run_and_look("{ (prog " + std::string{arguments} + "); echo $? >status.txt; } | head -n 1");
    CHECK(lines(outcome.out).size() == 1);
    if (!is_noisy) CHECK(outcome.err.empty());
    CHECK_THAT(outcome.err, !contains("farm: "));
    CHECK(run("cat status.txt").out == "141\n");
  }
}

TEST_CASE("a reader that has enough is noticed even if the program ignores SIGPIPE") {
  auto const outcome =
      run_and_look("trap '' PIPE; { (prog map same --json $(seq 5000)); echo $? >status.txt; } | head -n 1");
  CHECK(outcome.err.empty());
  CHECK(run("cat status.txt").out == "141\n");
}

TEST_CASE("signals that end a program end its tasks; no process and no file is left") {
  struct Signal {
    std::string name;
    int number;
  };
  auto const source = std::string{GENERATE("", "FARM_SOURCE=launched FARM_HOSTS=localhost:2 ")};
  auto const guard = std::string{GENERATE("FARM_GUARD=1 ", "FARM_GUARD=0 ")};
  for (auto const& [name, number] : {Signal{"TERM", 15}, {"HUP", 1}, {"USR2", 12}, {"XCPU", 24}, {"ALRM", 14}}) {
    CAPTURE(source, guard, name);
    auto const outcome =
        run_and_look("export " + source + guard + "\nrm -f napping.txt\n(prog map nap 30 >napping.txt) & master=$!\n" +
                     "for i in $(seq 100); do grep -qs napping napping.txt && break; sleep 0.1; done\n" + "kill -" +
                     name + " $master; wait $master");
    CHECK(outcome.status == 128 + number);
    CHECK_THAT(outcome.err, contains("ending the tasks; once more to leave at once"));
  }
}
