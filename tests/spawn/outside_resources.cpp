// Which cores and devices the ranks of tasks have, as they see it themselves, in programs that are started as users do.
#include "spawn/resources/core_claim.hpp"
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <sched.h>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

std::string const program = FARM_RESOURCES_PROGRAM;  // NOLINT: a string

struct Rank {
  int task = -1;
  int rank = -1;
  std::map<std::string, std::string> has;
};

std::vector<Rank> ranks_in(Outcome const& outcome) {
  std::vector<Rank> ranks;
  std::istringstream lines{outcome.output};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    Rank rank;
    words >> rank.task >> rank.rank;
    for (std::string word; words >> word;) rank.has[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    ranks.push_back(rank);
  }
  return ranks;
}

int core_count() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  return CPU_COUNT(&set);
}

bool has_one_core(char const* what) {
  if (core_count() > 1) return false;
  fmt::print("skipped: {}: there is one core\n", what);
  return true;
}

/// How a program is started, with groups of each source.
struct Start {
  std::string before;
  std::string environment;
};

std::vector<Start> starts() {
  std::vector<Start> all{{"", "FARM_SOURCE=launched FARM_HOSTS=localhost:4"},
                         {FARM_MPIEXEC " --oversubscribe -n 5 ", ""}};
#ifdef FARM_CAN_SPAWN
  all.push_back({FARM_MPIEXEC " -n 1 -host localhost:5 ", ""});
#endif
#ifdef FARM_SINGLETONS_SPAWN
  all.push_back({"", ""});
#endif
  return all;
}

/// Waits until no other farm has cores of this host, in a directory without what earlier runs have left.
void prepare() {
  for (auto const& each : std::filesystem::directory_iterator{"."}) {
    if (each.path().filename().string().starts_with("arrived-")) std::filesystem::remove(each.path());
  }
  for (auto const* const name : {"OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"})
    unsetenv(name);
  static bool is_hopeless = false;
  auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  for (int core = 0; core < core_count() && !is_hopeless;) {
    if (farm::detail::claim_core(core)) {
      ++core;
      continue;
    }
    is_hopeless = std::chrono::steady_clock::now() > end;
    if (is_hopeless) WARN("another farm has cores of this host");
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

Outcome run_with(Start const& start, std::string const& arguments, std::string const& environment = "") {
  prepare();
  CAPTURE(start.before, start.environment, arguments);
  auto outcome =
      run_program(fmt::format("{}{} {}", start.before, program, arguments), start.environment + " " + environment);
  INFO(outcome.errors);
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
  return outcome;
}

}  // namespace

TEST_CASE("two groups have cores of their own, and know how many threads they can have") {
  if (has_one_core("two groups")) return;
  for (auto const& start : starts()) {
    auto const ranks = ranks_in(run_with(start, "meet 2 1 0 0"));
    CAPTURE(start.before, start.environment);
    REQUIRE(ranks.size() == 2);
    CHECK(ranks[0].has.at("cores").find(',') == std::string::npos);
    CHECK(ranks[1].has.at("cores").find(',') == std::string::npos);
    CHECK(ranks[0].has.at("cores") != ranks[1].has.at("cores"));
    CHECK(ranks[0].has.at("threads") == "1");
  }
}

TEST_CASE("the ranks of a group have different cores, and keep them from task to task") {
  if (has_one_core("two ranks")) return;
  for (auto const& start : starts()) {
    auto const ranks = ranks_in(run_with(start, "twice 3 2 0 0"));
    CAPTURE(start.before, start.environment);
    REQUIRE(ranks.size() == 6);
    CHECK(ranks[0].has.at("cores") != ranks[1].has.at("cores"));
    for (std::size_t i = 2; i < 6; ++i) CHECK(ranks[i].has.at("cores") == ranks[i - 2].has.at("cores"));
  }
}

TEST_CASE("a task with two threads sees two cores, and one such task at a time runs on two cores") {
  if (has_one_core("two threads")) return;
  for (auto const& start : starts()) {
    CAPTURE(start.before, start.environment);
    auto const ranks = ranks_in(run_with(start, "twice 2 1 2 0"));
    REQUIRE(ranks.size() == 2);
    CHECK(ranks[0].has.at("cores").find(',') != std::string::npos);
    CHECK(ranks[0].has.at("threads") == "2");
    auto const counted = run_with(start, "count 6 1 2 0", "FARM_RESOURCES=cores=2");
    CHECK(counted.output == "at once 1\n");
  }
}

TEST_CASE("OMP_NUM_THREADS stays as the user has set it") {
  auto const ranks = ranks_in(run_with(starts().front(), "twice 1 1 0 0", "OMP_NUM_THREADS=7"));
  REQUIRE(ranks.size() == 1);
  CHECK(ranks[0].has.at("threads") == "7");
}

TEST_CASE("FARM_BIND=0 leaves ranks where they are") {
  auto const ranks = ranks_in(run_with(starts().front(), "meet 2 1 0 0", "FARM_BIND=0"));
  REQUIRE(ranks.size() == 2);
  CHECK(ranks[0].has.at("cores") == ranks[1].has.at("cores"));
  CHECK(ranks[0].has.at("threads") == "-");
}

TEST_CASE("a farm with one core binds nothing to others, and refuses tasks with two threads") {
  for (auto const& start : starts()) {
    CAPTURE(start.before, start.environment);
    Start const narrow{"taskset -c 0 " + start.before, start.environment};
    for (auto const& rank : ranks_in(run_with(narrow, "meet 2 1 0 0"))) CHECK(rank.has.at("cores") == "0");
    prepare();
    auto const refused = run_program(narrow.before + program + " twice 1 1 2 0", narrow.environment);
    CHECK(refused.status != 0);
    CHECK_THAT(refused.errors, contains("a rank needs 2 cores for its threads, but ") && contains(" has 1 core"));
  }
}

TEST_CASE("what a launcher has bound stays within what it was bound to") {
  Start const bound{"", "FARM_SOURCE=launched FARM_HOSTS=localhost:4 FARM_LAUNCHER='taskset -c 0 " FARM_MPIEXEC
                        " --bind-to none -n {ranks}'"};
  for (auto const& rank : ranks_in(run_with(bound, "meet 2 1 0 0"))) CHECK(rank.has.at("cores") == "0");
}

TEST_CASE("groups that run at once have different devices, of those that the farm may use") {
  for (auto const& start : starts()) {
    CAPTURE(start.before, start.environment);
    auto const ranks = ranks_in(run_with(start, "meet 2 1 0 2", "FARM_RESOURCES=gpus=4"));
    REQUIRE(ranks.size() == 2);
    for (auto const* const each : {"cuda", "hip", "ze"}) {
      CHECK(std::map<std::string, int>{{ranks[0].has.at(each), 0}, {ranks[1].has.at(each), 0}} ==
            std::map<std::string, int>{{"0,1", 0}, {"2,3", 0}});
    }
  }
  auto const listed =
      ranks_in(run_with(starts().front(), "meet 2 1 0 1", "FARM_RESOURCES=gpus=4 CUDA_VISIBLE_DEVICES=GPU-a,GPU-b"));
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].has.at("cuda") != listed[1].has.at("cuda"));
  for (auto const& rank : listed) CHECK(rank.has.at("cuda").starts_with("GPU-"));
}

TEST_CASE("named resources, memory and devices limit how many tasks run at once") {
  for (auto const& start : starts()) {
    CAPTURE(start.before, start.environment);
    CHECK(run_with(start, "count 8 1 0 0 0 1", "FARM_RESOURCES=licence=1").output == "at once 1\n");
    CHECK(run_with(start, "count 8 1 0 0 700", "FARM_RESOURCES=memory=1GiB").output == "at once 1\n");
    CHECK(run_with(start, "count 8 1 0 1", "FARM_RESOURCES=gpus=1").output == "at once 1\n");
  }
}

TEST_CASE("a request that nobody can meet is one line, before anything starts") {
  auto const refusal = [](std::string const& arguments, std::string const& environment) {
    auto const outcome = run_program(program + " " + arguments, "FARM_SOURCE=launched " + environment);
    CHECK(outcome.status != 0);
    CHECK(outcome.output.empty());
    return outcome.errors;
  };
  CHECK_THAT(refusal("twice 1 1 5000 0", "FARM_HOSTS=nodeA:2,nodeB:4"),
             contains("a rank needs 5000 cores for its threads, but nodeA has 2 cores, nodeB has 4 cores"));
  CHECK_THAT(refusal("twice 1 1 0 2", "FARM_RESOURCES=gpus=1"),
             contains("a rank needs 2 gpus, but ") && contains(" has 1;"));
  CHECK_THAT(refusal("twice 1 1 0 0 0 1", "FARM_RESOURCES=licences=1"),
             contains("a task needs licence=1, but there is no such resource: did you mean licences?"));
  CHECK_THAT(refusal("twice 1 1 0 0 0 2", "FARM_RESOURCES=licence=1"),
             contains("a task needs licence=2, but there are 1 (FARM_RESOURCES)"));
  CHECK_THAT(refusal("twice 1 1 0 0 2000", "FARM_RESOURCES=memory=1GiB"),
             contains("a rank needs 1.953 GiB of memory, but ") && contains(" has 1 GiB"));
  CHECK_THAT(refusal("twice 1 1 -1 0", ""), contains("a task's threads must not be below 0, but is -1"));
  CHECK_THAT(refusal("twice 1 1 0 0", "FARM_RESOURCES=memory=much"),
             contains("FARM_RESOURCES: memory is \"much\": a size such as 512MiB or 2GiB is expected"));
}

TEST_CASE("a rank or program that the kernel ends for lack of memory is told as that") {
  prepare();
  std::vector<std::string> arguments{"fill 1 1", "fill 0 1"};
#ifdef FARM_CAN_SPAWN  // the status of MPICH's mpiexec does not tell
  arguments.emplace_back("fill 0 2");
#endif
  auto const start = starts().front();
  auto const in_group = as_word(FARM_SOURCE_DIR "/tests/support/in_memory_group");
  for (auto const& each : arguments) {
    CAPTURE(each);
    auto const outcome = run_program(fmt::format("{} 500M {} {}", in_group, program, each), start.environment);
    if (outcome.status == 77) {
      fmt::print("kills for lack of memory: {}", outcome.errors);
      return;
    }
    CHECK(outcome.status == 1);
    CHECK_THAT(outcome.errors, contains("the kernel has killed it for lack of memory"));
    CHECK(outcome.left.empty());
  }
}
