// The command run: programs for inputs.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

std::vector<Json> records_in(std::string const& text) {
  std::vector<Json> records;
  for (auto const& line : lines(text)) records.push_back(Json::parse(line));
  return records;
}

std::vector<std::string> sorted_lines(std::string const& text) {
  auto all = lines(text);
  std::sort(all.begin(), all.end());
  return all;
}

std::string content(std::string const& file) { return run("cat " + file).out; }

}  // namespace

TEST_CASE("run starts the command once for each input, with the columns of the inputs in it") {
  std::ofstream{"table.csv"} << "n,alpha,unused\n64,0.1,x\n128,0.2,y\n";
  auto const grid = farm("run --grid alpha=1:2 n=a,b -- echo '{alpha}-{n} {{x}} {task}.{attempt}'");
  CHECK(grid.status == 0);
  CHECK(sorted_lines(grid.out) == std::vector<std::string>{"1-a {x} 0.1", "1-b {x} 1.1", "2-a {x} 2.1", "2-b {x} 3.1"});
  CHECK(sorted_lines(farm("run --csv table.csv -- echo {alpha} {n}").out) ==
        std::vector<std::string>{"0.1 64", "0.2 128"});
  CHECK(sorted_lines(farm("run 'a  b' '$HOME' -- echo '<{}>'").out) == std::vector<std::string>{"<$HOME>", "<a  b>"});
  CHECK(sorted_lines(farm("run x,1 y,2 -- echo {2}{1}").out) == std::vector<std::string>{"1x", "2y"});
  CHECK(farm("run -- echo once").out == "once\n");
}

TEST_CASE("the records of run tell how each program has ended, and are inputs again") {
  auto const outcome = farm("run --grid status=0,3 --output run_records.jsonl -- sh -c 'kill -$0 $$; exit {status}' 0");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err, contains("exited with status 3") && contains("1 done, 1 failed"));
  auto records = records_in(content("run_records.jsonl"));
  std::sort(records.begin(), records.end(), [](Json const& a, Json const& b) { return a["index"] < b["index"]; });
  CHECK(records.at(0)["result"]["status"] == 0);
  CHECK(records.at(0)["result"]["seconds"] > 0);
  CHECK(records.at(0)["result"]["peak_memory"] > 0);
  CHECK(records.at(1)["error"]["type"] == "farm::ProgramError");
  CHECK(records.at(1)["error"]["status"] == 3);
  auto const killed = records_in(farm("run --json -- sh -c 'kill -9 $$'").out);
  CHECK(killed.at(0)["error"]["signal"] == 9);
  CHECK(sorted_lines(farm("run --over run_records.jsonl --dry-run -- echo {status}").out) ==
        std::vector<std::string>{"echo 0", "echo 3"});
}

TEST_CASE("run starts an MPI program with as many processes as a group has ranks") {
  auto const outcome = farm_in(3, std::string{"run --ranks-per-task 2 -- "} + PLAIN_MPI);
  CHECK(outcome.status == 0);
  CHECK(sorted_lines(outcome.out) == std::vector<std::string>{"rank 0 of 2, sum 1", "rank 1 of 2, sum 1"});
  CHECK(farm_in(3, "run --ranks-per-task 2 --no-mpi -- echo once").out == "once\n");
}

TEST_CASE("each task of run has its own directory and files with --task-dir, --stdout and --stderr") {
  std::filesystem::remove_all("runs");
  std::ofstream{"input.txt"} << "from a file\n";
  auto const outcome = farm(
      "run a b --task-dir runs --stdin \"$PWD/input.txt\" --stdout out.txt --stderr err-{}.txt -- sh -c 'cat; echo {} "
      ">&2'");
  CHECK(outcome.status == 0);
  CHECK(outcome.out.empty());
  CHECK(content("runs/0/out.txt") == "from a file\n");
  CHECK(content("runs/1/err-b.txt") == "b\n");
  std::ofstream{"here.sh"} << "#!/bin/sh\npwd\n";
  std::filesystem::permissions("here.sh", std::filesystem::perms::owner_all);
  CHECK_THAT(farm("run a --task-dir 'runs/{}' -- ./here.sh").out, contains("/runs/a\n"));
}

TEST_CASE("run takes the options of map: retries, time limits, tags") {
  std::filesystem::remove("tries");
  auto const retried = farm("run --retries 5 --json -- sh -c 'echo x >>tries; test $(wc -l <tries) = 3'");
  CHECK(records_in(retried.out).at(0)["attempts"] == 3);
  CHECK_THAT(farm("run --timeout 300ms -- sleep 1000").err, contains("longer than its limit of 0.3 s"));
  CHECK(sorted_lines(farm("run 1 2 --tag -- echo 'got {}'").out) == std::vector<std::string>{"1\tgot 1", "2\tgot 2"});
}

TEST_CASE("--max-fails starts no further tasks once so many have failed") {
  auto const outcome = farm("run $(seq 100) --max-fails 2 --max-ranks 1 -- sh -c 'exit {}'");
  CHECK(outcome.status == 1);
  auto const last = outcome.complaints().empty() ? "" : lines(outcome.err).back();
  CHECK_THAT(last, contains("stopped by --max-fails: 0 done, ") && contains(" not started"));
  CHECK_THAT(last, !contains(" 0 not started"));
}

TEST_CASE("a command that cannot run is one line before anything starts") {
  std::ofstream{"solver"} << "#!/bin/sh\n";
  std::filesystem::permissions("solver", std::filesystem::perms::owner_all);
  auto const complaint = [](std::string const& arguments) {
    auto const outcome = farm(arguments);
    CHECK(outcome.status == 2);
    CHECK(lines(outcome.err).size() == 1);
    return outcome.err;
  };
  CHECK_THAT(complaint("run 1 -- ./solvr {}"), contains("there is no program ") && contains("/solver?"));
  CHECK_THAT(complaint("run 1 -- solver {}"), contains("did you mean ./solver?"));
  CHECK_THAT(complaint("run -- echo {tsk}"), contains("did you mean {task}?"));
  CHECK_THAT(complaint("run --grid alpa=1 -- echo {alpha}"),
             contains("unknown parameter 'alpa': did you mean 'alpha'?"));
  CHECK_THAT(complaint("run 1 -- echo"), contains("no field for the inputs"));
  CHECK_THAT(complaint("run 1 -- echo '{'"), contains("has no partner"));
  CHECK_THAT(complaint("run 1 -- echo {1} {n}"), contains("either numbers or names"));
  CHECK_THAT(complaint("run 1"), contains("the command is missing"));
}
