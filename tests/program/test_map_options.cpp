// The options of map: how tasks run, where results go, and where inputs come from.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

Outcome named(std::string const& arguments) { return run(std::string{NAMED_TASKS} + " " + arguments); }

std::vector<Json> records_in(std::string const& text) {
  std::vector<Json> records;
  for (auto const& line : lines(text)) records.push_back(Json::parse(line));
  return records;
}

std::string content(std::string const& file) { return run("cat " + file).out; }

}  // namespace

TEST_CASE("a task that exceeds --timeout fails, and the others do not") {
  auto const outcome = named("map nap 0 60 --timeout 300ms --max-ranks 2");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.err, contains("ran longer than its limit of 0.3 s") && contains("1 done, 1 failed"));
  CHECK_THAT(named("map nap 0 --timeout soon").err, contains("--timeout: 'soon' was given, a time above 0"));
}

TEST_CASE("--retries runs a task again that threw, and the record counts the attempts") {
  std::filesystem::remove("tries.txt");
  auto const outcome = named("map fails_until tries.txt,3 --retries 4 --json");
  CHECK(outcome.status == 0);
  CHECK(records_in(outcome.out).at(0)["attempts"] == 3);
}

TEST_CASE("--max-losses 1 gives a task up when it loses its first group") {
  auto const outcome = named("map killed_by_two 2 --max-losses 1 --json");
  CHECK(outcome.status == 1);
  CHECK(records_in(outcome.out).at(0)["attempts"] == 1);
  CHECK_THAT(outcome.err, contains("its group was lost 1 time"));
}

TEST_CASE("--rerun-after-exit runs a task again that has ended its process") {
  std::filesystem::remove("exits.txt");
  auto const fails = named("map exits_until exits.txt,2");
  CHECK(fails.status == 1);
  CHECK_THAT(fails.err, contains("(input 0)"));
  std::filesystem::remove("exits.txt");
  CHECK(named("map exits_until exits.txt,2 --rerun-after-exit").out == "2\n");
}

TEST_CASE("errors of a task name the line of its input") {
  std::ofstream{"lines.txt"} << "1\n\n2\n";
  auto const outcome = named("map killed_by_two --over lines.txt --max-losses 1");
  CHECK_THAT(outcome.err, contains("lines.txt:3: input \"2\": ") && contains("(lines.txt:3)"));
}

TEST_CASE("--chunksize computes several inputs as one task, and each input has a result or an error of its own") {
  auto const outcome = named("map not_two $(seq 10) --chunksize 4 --max-ranks 1 --json --trace chunks.json");
  CHECK(outcome.status == 1);
  auto const records = records_in(outcome.out);
  REQUIRE(records.size() == 10);
  for (std::size_t i = 0; i < records.size(); ++i) {
    CHECK(records[i]["index"] == i);
    CHECK(records[i]["input"] == i + 1);
    CHECK(records[i].contains(i == 1 ? "error" : "result"));
  }
  CHECK(records[1]["error"]["type"] == "std::invalid_argument");
  CHECK(records[1]["error"]["rank"] == 0);
  CHECK(records[9]["result"] == 10);
  CHECK_THAT(run(FARM_PROGRAM " report chunks.json").out, contains("3 tasks"));
  CHECK_THAT(outcome.err, contains("9 done, 1 failed, 0 not started"));
}

TEST_CASE("the inputs of a chunk whose group is lost run again, each as a task of its own") {
  auto const outcome = named("map killed_by_two 1 2 3 --chunksize 3 --max-losses 1");
  CHECK(outcome.status == 1);
  CHECK(outcome.out == "1\n3\n");
  CHECK_THAT(outcome.err, contains("input \"2\"") && contains("2 done, 1 failed, 0 not started"));
}

TEST_CASE("a chunk of a pipe does not wait for more lines than there are") {
  std::ofstream{"feed.sh"} << "rm -f pipe; mkfifo pipe\n" NAMED_TASKS
                              " map same --over - --chunksize 4 --quiet <pipe | {\n"
                              "exec 3>pipe; echo 1 >&3; read first; echo 2 >&3; read second\n"
                              "echo $first $second; }\n";
  CHECK(run("sh feed.sh").out == "1 2\n");
}

TEST_CASE("--env and --workdir are those of the tasks") {
  std::filesystem::create_directory("workdir");
  CHECK(named("map variable ONE TWO --env ONE=1 --env 'TWO=a=b,[c]'").out == "1\na=b,[c]\n");
  CHECK(named("map directory '' --workdir workdir").out == std::filesystem::canonical("workdir").string() + "\n");
  CHECK(named("map directory '' --env =x").status == 2);
}

TEST_CASE("--logs makes a directory with a file for what each task prints") {
  std::filesystem::remove_all("new");
  auto const outcome = named("map noisy 7 --logs new/logs");
  CHECK(outcome.out == "7\n");
  CHECK(content("new/logs/task-0.rank-0.txt") == "working on 7\na line without an end");
}

TEST_CASE("--tag begins each line with its input: results, and what tasks print") {
  auto const outcome = named("map noisy 7 8 --tag");
  auto printed = lines(outcome.out);
  std::sort(printed.begin(), printed.end());
  CHECK(printed == std::vector<std::string>{"7\t7", "7\ta line without an end", "7\tworking on 7", "8\t8",
                                            "8\ta line without an end", "8\tworking on 8"});
}

TEST_CASE("--dry-run prints what would run, and runs nothing") {
  auto const outcome = run(FARM_PROGRAM " map heat 0.5,24 --grid alpha=1:2 n=8 --dry-run");
  CHECK(outcome.out ==
        "heat {\"alpha\": 0.5, \"n\": 24}\nheat {\"alpha\": 1, \"n\": 8}\nheat {\"alpha\": 2, \"n\": 8}\n");
  CHECK(outcome.err.empty());
}

TEST_CASE("--unordered prints results as they come, and without it in the order of the inputs") {
  // the first task waits for a file that the reader of the second result makes
  auto const command = "rm -f go.txt; " NAMED_TASKS " map when_there go.txt,first /dev/null,second --max-ranks 2 ";
  CHECK(run(std::string{command} + "--unordered | while read line; do echo $line; touch go.txt; done").out ==
        "second\nfirst\n");
  CHECK(run(std::string{"(sleep 1; touch go.txt) & "} + command).out == "first\nsecond\n");
}

TEST_CASE("--output is complete up to the last result when the program is killed") {
  std::filesystem::remove("results.jsonl");
  // the last task kills its master when the results of all others are in the file
  auto const outcome = run("echo $$ >master.pid; exec " NAMED_TASKS
                           " map kill_master_after $(for i in $(seq 20); do echo /dev/null,0; done) "
                           "results.jsonl,20 --max-ranks 2 --output results.jsonl");
  CHECK(outcome.status != 0);
  auto const records = records_in(content("results.jsonl"));
  CHECK(records.size() >= 20);
  CHECK(content("results.jsonl").ends_with('\n'));
}

TEST_CASE("--output appends, and a line that was cut off is not glued to the next") {
  std::ofstream{"results.jsonl"} << "{\"cut";
  CHECK(named("map not_two 1 2 3 --output results.jsonl").out.empty());
  auto all = lines(content("results.jsonl"));
  REQUIRE(all.size() == 4);
  CHECK(all[0] == "{\"cut");
  all.erase(all.begin());
  std::vector<int> indices;
  for (auto const& line : all) {
    auto const record = Json::parse(line);
    indices.push_back(record["index"]);
    CHECK(record.contains(record["input"] == 2 ? "error" : "result"));
  }
  std::sort(indices.begin(), indices.end());
  CHECK(indices == std::vector{0, 1, 2});
  CHECK_THAT(named("map same 1 --output /absent/file").err, contains("--output /absent/file: No such file"));
}

TEST_CASE("what map prints can be given to map again, also for a task of several arguments") {
  auto const first = named("map scale 1,2 3,4 --json");
  std::ofstream{"records.jsonl"} << first.out;
  auto const again = named("map scale --over records.jsonl --json");
  CHECK(inputs_and_results(again.out) == inputs_and_results(first.out));
  CHECK(records_in(again.out).at(1)["line"] == 2);
  CHECK(named("map scale '[3,4]' '[.5, inf]'").out == "12\ninf\n");
  CHECK(run(FARM_PROGRAM " map heat '{\"n\":24,\"alpha\":0.5}' --dry-run").out == "heat {\"alpha\": 0.5, \"n\": 24}\n");
}

TEST_CASE("--csv takes columns by the names of parameters, and --grid all combinations") {
  std::ofstream{"table.csv"} << "n,note,alpha\n64,\"a, \"\"b\"\"\",0.1\n128,,0.2\n";
  CHECK(run(FARM_PROGRAM " map heat --csv table.csv --dry-run --json").out ==
        "{\"index\":0,\"line\":2,\"input\":{\"alpha\":0.1,\"n\":64}}\n"
        "{\"index\":1,\"line\":3,\"input\":{\"alpha\":0.2,\"n\":128}}\n");
  auto const grid = run(FARM_PROGRAM " map heat --grid alpha=0.1:1:0.1 n=64,128 --dry-run").out;
  CHECK(lines(grid).size() == 20);
  CHECK(lines(grid).at(0) == "heat {\"alpha\": 0.1, \"n\": 64}");
  CHECK(lines(grid).at(5) == "heat {\"alpha\": 0.3, \"n\": 128}");
  CHECK(lines(grid).at(19) == "heat {\"alpha\": 1, \"n\": 128}");
  CHECK(named("map scale --grid 1=1,2 2=10:20:10").out == "10\n20\n20\n40\n");
}

TEST_CASE("wrong tables and grids are refused with the names of the parameters") {
  std::ofstream{"table.csv"} << "n,beta\n64,1\n";
  CHECK_THAT(run(FARM_PROGRAM " map heat --csv table.csv").err,
             contains("the table has no column alpha: its first line names n, beta; expected (double alpha, int n)"));
  std::ofstream{"short.csv"} << "alpha,n\n1,64\n2\n";
  CHECK_THAT(run(FARM_PROGRAM " map heat --csv short.csv").err,
             contains("short.csv:3: heat: \"2\" has 1 value, but the first line names 2 columns"));
  auto const nearest = run(FARM_PROGRAM " map heat --grid alhpa=1 n=2");
  CHECK(nearest.status == 2);
  CHECK_THAT(nearest.err, contains("did you mean 'alpha'?"));
  CHECK(run(FARM_PROGRAM " map heat --grid alpha=1").status == 2);
  CHECK(run(FARM_PROGRAM " map heat --grid alpha=1:0:1 n=2").status == 2);
  CHECK_THAT(run(FARM_PROGRAM " map heat '{\"alpha\":1,\"m\":2}'").err, contains("has no n; expected"));
}

TEST_CASE("inputs of a pipe run as they come, and one that cannot be read is an error of its own") {
  // each further line is written only when the result of the line before is there
  std::ofstream{"feed.sh"} << "rm -f pipe; mkfifo pipe\n" NAMED_TASKS
                              " map same --over - <pipe 2>err2.txt | {\n"
                              "exec 3>pipe; echo 1 >&3; read first; echo x >&3; echo 2 >&3; read second\n"
                              "echo $first $second; }\n";
  auto const streamed = run("sh feed.sh");
  CHECK(streamed.out == "1 2\n");
  CHECK_THAT(content("err2.txt"), contains("standard input:2: same: argument 1 is \"x\": expected double"));
}

TEST_CASE("the line at the end counts, and --quiet leaves it out") {
  CHECK_THAT(named("map not_two 1 2 3").err, contains("\n2 done, 1 failed, 0 not started\n"));
  CHECK(named("map not_two 1 3 --quiet").err.empty());
}

TEST_CASE("tasks have what the command line asks for, and what no host has is one line of error") {
  auto const good = farm("map calc 1 --threads 1 --memory 10MiB --resource licence=1 --available cores=2,licence=1");
  CHECK(good.status == 0);
  auto const refusal = [](std::string const& options) {
    auto const outcome = farm("map calc 1 2 " + options);
    CHECK(outcome.status != 0);
    CHECK(outcome.out.empty());
    CHECK(lines(outcome.err).size() == 1);
    return outcome.err;
  };
  CHECK_THAT(refusal("--threads 3 --available cores=2"),
             contains("a rank needs 3 cores for its threads, but ") && contains(" has 2 cores"));
  CHECK_THAT(refusal("--gpus 1 --available gpus=0"), contains("a rank needs 1 gpu, but "));
  CHECK_THAT(refusal("--memory 2GiB --available memory=1GiB"), contains(" has 1 GiB"));
  CHECK_THAT(refusal("--resource licens=1 --available licence=1"), contains("did you mean licence?"));
  CHECK_THAT(refusal("--memory much"), contains("--memory: 'much' was given, a size such as 512MiB or 2GiB"));
  CHECK_THAT(refusal("--threads -1"), contains("--threads: '-1' was given, a number above 0"));
  CHECK_THAT(refusal("--resource gpus=1"), contains("gpus has an option of its own"));
}
