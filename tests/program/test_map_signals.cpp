// Signals that map handles: progress, and a run that comes to its end early.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>

namespace {

/// Runs map in the background of a shell script, where the shell would ignore SIGINT. The script goes on with
/// `commands` once the first task has printed "napping"; `$master` is the process.
Outcome run_and_signal(std::string const& arguments, std::string const& commands) {
  return run(
      "rm -f go.txt napping.txt map_err.txt\n"
      "env --default-signal=INT " NAMED_TASKS " map " +
      arguments +
      " >napping.txt 2>map_err.txt & master=$!\n"
      "until_there() { for i in $(seq 200); do grep -qs \"$1\" $2 && return; sleep 0.05; done; }\n"
      "until_there napping napping.txt\n" +
      commands + "\nwait $master; status=$?; cat map_err.txt >&2; cat napping.txt; exit $status");
}

std::string const many_waiting = "nap_until go.txt $(for i in $(seq 999); do echo go.txt; done) --max-ranks 1 ";

}  // namespace

TEST_CASE("SIGUSR1 prints one line of progress, and kills nobody") {
  auto const outcome = run_and_signal("nap_until go.txt",
                                      "kill -USR1 $master; until_there 'of 1 done' map_err.txt; "
                                      "touch go.txt");
  CHECK(outcome.status == 0);
  CHECK(outcome.err == "0 of 1 done, 0 failed, 1 running\n");
}

TEST_CASE("with --drain, the first signal lets the tasks that run end, and starts no others; one line tells the rest") {
  for (auto const& [signal, status] : {std::pair{"INT", 130}, {"TERM", 143}}) {
    CAPTURE(signal);
    auto const outcome =
        run_and_signal(many_waiting + "--drain",
                       "kill -" + std::string{signal} + " $master; until_there waiting map_err.txt; touch go.txt");
    CHECK(outcome.status == status);
    auto const said = lines(outcome.err);
    REQUIRE(said.size() == 2);
    CHECK_THAT(said[0], contains("waiting for the tasks that run; once more to end them"));
    int done = 0;
    int failed = 0;
    int others = 0;
    REQUIRE(std::sscanf(said[1].c_str(), "interrupted: %d done, %d failed, %d not started", &done, &failed, &others) ==
            3);
    CHECK(done >= 1);
    CHECK(failed == 0);
    CHECK(others > 0);
    CHECK(done + others == 1000);
    auto const printed = lines(outcome.out);
    CHECK(std::count(printed.begin(), printed.end(), "awake") == done);
  }
}

TEST_CASE("with --drain, the second Ctrl-C ends the tasks that run") {
  auto const outcome =
      run_and_signal(many_waiting + "--drain", "kill -INT $master; until_there waiting map_err.txt; kill -INT $master");
  CHECK(outcome.status == 130);
  CHECK(lines(outcome.err).size() == 3);
  CHECK_THAT(outcome.err, contains("interrupted: 0 done, 0 failed, 1 ended while running, 999 not started\n"));
}

TEST_CASE("a run that waits for input ends at once") {
  // the shell keeps the pipe open
  std::ofstream{"waits.sh"} << "rm -f pipe; mkfifo pipe; exec 3<>pipe\n"
                               "env --default-signal=INT " NAMED_TASKS
                               " map same --over - <pipe >results.txt 2>map_err.txt & master=$!\n"
                               "echo 1 >&3\n"
                               "for i in $(seq 200); do grep -qs 1 results.txt && break; sleep 0.05; done\n"
                               "kill -INT $master; wait $master; status=$?; cat map_err.txt >&2; exit $status\n";
  auto const outcome = run("sh waits.sh");
  CHECK(outcome.status == 130);
  CHECK_THAT(outcome.err, contains("interrupted: 1 done, 0 failed, 0 not started\n"));
}

TEST_CASE("without --drain, the first signal ends the tasks; one line counts all inputs") {
  for (auto const& [signal, status] : {std::pair{"INT", 130}, {"TERM", 143}}) {
    CAPTURE(signal);
    auto const outcome = run_and_signal(many_waiting, "kill -" + std::string{signal} + " $master");
    CHECK(outcome.status == status);
    CHECK(lines(outcome.err).size() == 2);
    CHECK_THAT(outcome.err, contains("interrupted: 0 done, 0 failed, 1 ended while running, 999 not started\n"));
  }
}
