// How map shows its progress: as a bar in a terminal, as lines in a file, or not at all.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <string>

namespace {

/// Runs map in the background until `text` has been written to the file that `go` waits for, and then makes go.txt.
Outcome run_until(std::string const& text, std::string const& command) {
  return run("rm -f go.txt shown.txt; touch shown.txt\n" + command +
             " & master=$!\n"
             "for i in $(seq 200); do grep -qF '" +
             text +
             "' shown.txt && break; sleep 0.05; done\n"
             "touch go.txt; wait $master; status=$?; cat shown.txt; exit $status");
}

/// Runs `command` in a terminal of its own. The terminal's input stays open: at its end, script may drop what the
/// command has written.
std::string in_terminal(std::string const& command) {
  return "rm -f in.fifo; mkfifo in.fifo; script -qefc \"" + command + "\" /dev/null <>in.fifo";
}

std::string const two_tasks = NAMED_TASKS " map at_40_percent go.txt go.txt --max-ranks 1";

}  // namespace

TEST_CASE("in a terminal, map shows a bar with the progress of the tasks themselves, and removes it at the end") {
  auto const outcome = run_until("(at 40%)", "(" + in_terminal(two_tasks) + ") >shown.txt");
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, contains("] 0/2 done, 0 failed, 1 running (at 40%), ") && contains(" left\033[K"));
  CHECK_THAT(outcome.out, contains("[="));
  CHECK(outcome.out.ends_with("40\r\n2 done, 0 failed, 0 not started\r\n"));
}

TEST_CASE("in a terminal, --quiet shows neither the bar nor the last line") {
  auto const outcome = run(in_terminal(NAMED_TASKS " map same 1 --quiet"));
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "1\r\n");
}

TEST_CASE("in a file, map writes a line of progress from time to time") {
  auto const outcome = run_until("(at 40%)", two_tasks + " --progress 20ms >/dev/null 2>shown.txt");
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, contains("\n0 of 2 done, 0 failed, 1 running (at 40%), ") && contains(" left\n"));
  CHECK_THAT(outcome.out, !contains("\r") && !contains("\033"));
  CHECK_THAT(run(NAMED_TASKS " map same 1 --progress 0").err, contains("--progress: '0' was given, a time above 0"));
}
