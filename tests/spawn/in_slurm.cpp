// Programs inside allocations of a real Slurm, with groups from all three sources. with_slurm makes the Slurm: one host
// that claims to have 10 cores and 4 GPUs, and a second one in another partition.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string const program = FARM_SMALL_PROGRAM;  // NOLINT: a string

std::string content(std::string const& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// Runs the command in an allocation of `tasks` tasks, interactively or as a batch job.
Outcome in_allocation(bool batch, int tasks, std::string const& command) {
  if (!batch) return run_program(fmt::format("salloc -Q -n {} {}", tasks, command));
  std::ofstream{"job.sh"} << "#!/bin/bash\nexec " << command << " 2>job.err\n";
  auto outcome = run_program(fmt::format("sbatch -Q -W -n {} -o job.out job.sh", tasks));
  outcome.output = content("job.out");
  outcome.errors = content("job.err");
  return outcome;
}

}  // namespace

TEST_CASE("inside an allocation a plain program launches its groups with srun") {
  auto const batch = GENERATE(false, true);
  CAPTURE(batch);
  auto const outcome = in_allocation(batch, 8, program + " work");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.errors == "");
  CHECK(outcome.left.empty());
}

TEST_CASE("inside an allocation programs run on launched, spawned and static groups") {
  auto const start = GENERATE(as<std::string>{}, "", FARM_MPIEXEC " -n 1 ", "srun --mpi=pmix -n 5 ");
  CAPTURE(start);
  auto const outcome = in_allocation(false, 8, start + program + " run_programs " FARM_PLAIN_MPI);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "1 lines, sum 0\n2 lines, sum 1\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("inside an allocation a program that mpiexec started spawns its groups") {
  auto const batch = GENERATE(false, true);
  CAPTURE(batch);
  auto const outcome = in_allocation(batch, 8, FARM_MPIEXEC " -n 1 " + program + " work");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.errors == "");
  CHECK(outcome.left.empty());
}

TEST_CASE("inside an allocation srun can start all ranks of a program at once") {
  auto const batch = GENERATE(false, true);
  CAPTURE(batch);
  auto const outcome = in_allocation(batch, 9, "srun --mpi=pmix -n 9 " + program + " work");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.errors == "");
  CHECK(outcome.left.empty());
}

TEST_CASE("a program that srun started as one process launches its groups as further steps") {
  auto const outcome = in_allocation(false, 6, "srun --mpi=pmix -n 1 " + program + " work");
  CAPTURE(outcome.errors);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("each group has its share of the job, and no group waits for what another one has") {
  struct {
    std::string options;
    std::string each;
    std::string newer{};  ///< what Slurm 24.11 says instead
  } const jobs[] = {
      {"-n 4", "no GPUs, 2 cores"},
      {"-n 4 -c 2", "no GPUs, 4 cores"},
      {"-n 4 --gres=gpu:4", "2 GPUs, 2 cores"},
      {"-n 4 --gpus=4 --mem-per-cpu=50", "2 GPUs, 2 cores"},
      {"-n 4 --gpus-per-node=4 --hint=nomultithread", "2 GPUs, 2 cores"},
      {"-n 4 --gpus-per-task=1 -c 2", "2 GPUs, 4 cores"},
      {"-n 4 --gres=gpu:1 -c 2", "1 GPUs, 8 cores",
       "1 GPUs, 4 cores"},  // the groups share the GPU, and so all that the job has
      {"-n 2 --gres=gpu:2 : -p other -n 2 -c 3", ""},
  };
  for (auto const& job : jobs) {
    CAPTURE(job.options);
    auto const outcome = run_program(fmt::format("salloc -Q {} {} meet", job.options, program));
    CAPTURE(outcome.errors);
    CHECK(outcome.status == 0);
    auto const twice = [](std::string const& each) { return fmt::format("met, {0}\nmet, {0}\n", each); };
    auto const expected = job.each.empty() ? "met, no GPUs, 6 cores\nmet, 2 GPUs, 2 cores\n" : twice(job.each);
    bool const as_newer = !job.newer.empty() && outcome.output == twice(job.newer);
    if (!as_newer) CHECK(outcome.output == expected);
    CHECK(outcome.left.empty());
  }
}

TEST_CASE("inside an allocation tasks get the threads and GPUs that they ask for, each its own") {
  auto const outcome =
      run_program("salloc -Q -n 4 -c 2 --gres=gpu:4 sh -c 'rm -f arrived-*; exec \"$@\"' sh " FARM_RESOURCES_PROGRAM
                  " meet 2 1 4 2");
  CAPTURE(outcome.errors, outcome.output);
  CHECK(outcome.status == 0);
  std::vector<std::string> devices;
  std::istringstream lines{outcome.output};
  for (std::string line; std::getline(lines, line);) {
    CHECK_THAT(line, contains(" threads=4 "));
    auto const begin = line.find(" cuda=") + 6;
    devices.push_back(line.substr(begin, line.find(' ', begin) - begin));
  }
  std::sort(devices.begin(), devices.end());
  CHECK(devices == std::vector<std::string>{"0,1", "2,3"});
  CHECK(outcome.left.empty());
}

TEST_CASE("inside an allocation a task that asks for more than any host has is refused in one line") {
  auto const outcome = run_program("salloc -Q -n 4 -c 2 " FARM_RESOURCES_PROGRAM " twice 1 1 9 0");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.errors, contains("a rank needs 9 ") && contains("has 8"));
  CHECK(outcome.left.empty());
}

TEST_CASE("groups of a program that is a step itself do not wait for each other") {
  auto const outcome = in_allocation(false, 4, "srun --mpi=pmix -n 1 " + program + " meet");
  CAPTURE(outcome.errors);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "met, no GPUs, 4 cores\nmet, no GPUs, 4 cores\n");
}

TEST_CASE("the variables of a job that has ended are an error") {
  auto const outcome = run_program("salloc -Q -n 2 sh -c 'env | grep ^SLURM >ended_job'");
  REQUIRE(outcome.status == 0);
  CHECK(std::system("for i in $(seq 100); do test -z \"$(squeue -h)\" && exit; sleep 0.1; done; exit 1") == 0);
  auto const late = run_program("env $(cat ended_job) " + program + " work");
  CHECK(late.status == 1);
  CHECK_THAT(late.errors, contains("has ended, but the environment still names it") && contains("unset SLURM_"));
}

TEST_CASE("when ranks of groups that srun launched die, the other groups go on") {
  auto const outcome = in_allocation(false, 4, program + " lose_ranks");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "lost\nlost\nthen 3\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("the allocation determines the number of slots, and requests for more are refused") {
  auto const few = in_allocation(false, 3, program + " work");
  CHECK(few.status == 1);
  CHECK_THAT(few.errors,
             contains("max_ranks is 4, but there are 3 slots for ranks besides the master (1 host from Slurm "
                      "job") &&
                 contains("ask Slurm for more with -n"));
  CHECK(in_allocation(false, 3, program + " work_by_default").output == "max_ranks 3\n");
  CHECK(run_program("salloc -Q -n 2 -c 3 " + program + " work_by_default").output == "max_ranks 2\n");
  CHECK(run_program("salloc -Q -N 1 --exclusive " + program + " work_by_default").output == "max_ranks 10\n");
  auto const several = in_allocation(false, 3, "srun -n 3 " + program + " work");
  CHECK(several.status == 1);
  CHECK_THAT(several.errors, contains("srun started 3 processes that do not know of each other: give srun --mpi=pmix"));
}

TEST_CASE("scancel leaves no process behind") {
  auto const command = GENERATE(as<std::string>{}, program, FARM_MPIEXEC " -n 1 " FARM_SMALL_PROGRAM,
                                "srun --mpi=pmix -n 4 " FARM_SMALL_PROGRAM);
  CAPTURE(command);
  std::filesystem::remove("the_task_runs");
  // sbatch -W may return, with status 0, while the job is still ending
  auto const outcome = in_allocation(true, 4, command + " be_cancelled");
  CHECK(std::filesystem::exists("the_task_runs"));
  CHECK(std::system("for i in $(seq 100); do test -z \"$(squeue -h)\" && exit; sleep 0.1; done; exit 1") == 0);
  CHECK(outcome.left.empty());
}
