// Programs outside of any allocation, as on a login node, whose groups srun starts as Slurm jobs of their own.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

std::string const program = FARM_SMALL_PROGRAM;                              // NOLINT: a string
std::string const hosts_program = FARM_HOSTS_PROGRAM;                        // NOLINT: likewise
std::string const by_srun = "FARM_LAUNCHER=srun";                            // NOLINT: likewise
std::string const on_wide = "FARM_LAUNCHER=srun SLURM_PARTITION=wide";       // NOLINT: likewise
std::string const where = "node1 node1\nnode2 node2\nnode3 node3\n";         // NOLINT: likewise
std::string const one_job_waits = "[ \"$(squeue -h -t PD | wc -l)\" = 1 ]";  // NOLINT: likewise
std::string const waits_for_a_second =                                       // NOLINT: likewise
    "[ \"$(squeue -h -t PD -O PendingTime | sort -n | tail -1)\" -ge 1 ]";

void run(std::string const& command) {
  CAPTURE(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

/// Blocks until Slurm has neither jobs that wait nor jobs that run. Returns false if there are some after 20 s.
bool queue_is_empty() {
  return std::system("for i in $(seq 200); do test -z \"$(squeue -h)\" && exit; sleep 0.1; done; squeue; exit 1") == 0;
}

/// Starts the program, with $program its process, and then runs the other commands once the condition holds.
std::string then(std::string const& scenario, std::string const& condition, std::string const& commands) {
  std::ofstream{"then.sh"} << fmt::format("{} {} & program=$!\nuntil {}; do sleep 0.05; done\n{}\nwait $program\n",
                                          program, scenario, condition, commands);
  return "bash then.sh";
}

/// While it lives, the default partition starts no jobs.
class PartitionDown {
 public:
  PartitionDown() { run("scontrol update PartitionName=test State=DOWN"); }
  PartitionDown(PartitionDown const&) = delete;
  PartitionDown& operator=(PartitionDown const&) = delete;
  ~PartitionDown() { static_cast<void>(!std::system("scontrol update PartitionName=test State=UP")); }
};

}  // namespace

TEST_CASE("outside of an allocation, srun gets a Slurm job for each group") {
  auto const outcome = run_program(program + " work", by_srun);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.errors == "");
  CHECK(outcome.left.empty());
  CHECK(queue_is_empty());
}

TEST_CASE("Slurm chooses the hosts of such jobs, and a group may span several") {
  auto const outcome = run_program(hosts_program + " where", on_wide);
  CHECK(outcome.output == where + "node1 node1 node2 node2 node3\nsum 1000000\n");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
  CHECK(queue_is_empty());
}

TEST_CASE("the hosts of such jobs can be named, too") {
  auto const outcome = run_program(hosts_program + " where", on_wide + " FARM_HOSTS=node[1-3]:2");
  CHECK(outcome.output == where + "node3 node3 node2 node2 node1\nsum 1000000\n");
  CHECK(outcome.status == 0);
  CHECK(outcome.left.empty());
  CHECK(queue_is_empty());
}

TEST_CASE("a command of the user's own that begins with srun gets jobs as well") {
  auto const outcome = run_program(hosts_program + " where", "FARM_LAUNCHER='srun --mpi=pmix -p wide -n {ranks}'");
  CHECK(outcome.output == where + "node1 node1 node2 node2 node3\nsum 1000000\n");
  CHECK(outcome.left.empty());
}

TEST_CASE("the time in Slurm's queue does not count for spawn_timeout, and one line tells of the queue") {
  PartitionDown const down;
  auto const told_after_a_second = waits_for_a_second + " && grep -q 'waits in Slurm' err.txt";
  auto const outcome =
      run_program(then("work_soon", told_after_a_second, "scontrol update PartitionName=test State=UP"), by_srun);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "3\n");
  CHECK_THAT(outcome.errors, contains("farm: a group of 2 waits in Slurm's queue as job ") && contains(" (Partition"));
  CHECK(outcome.left.empty());
}

TEST_CASE("while a group waits in the queue others run the tasks, and it leaves the queue when all are done") {
  run("scontrol update NodeName=node[2-3] State=DRAIN Reason=test");
  auto const outcome = run_program(program + " work", on_wide);
  run("scontrol update NodeName=node[2-3] State=RESUME");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.left.empty());
  CHECK(queue_is_empty());
}

TEST_CASE("however a program ends, its jobs leave the queue") {
  auto const signal = GENERATE(as<std::string>{}, "TERM", "INT", "KILL");
  CAPTURE(signal);
  PartitionDown const down;
  auto const outcome =
      run_program(then("work_in_a_group_of 2", one_job_waits, fmt::format("kill -{} $program", signal)), by_srun);
  CHECK(outcome.status != 0);
  CHECK(outcome.left.empty());
  CHECK(queue_is_empty());
}

TEST_CASE("a group that Slurm would keep in its queue for ever fails with the reason") {
  auto const outcome = run_program(program + " work_in_a_group_of 100", by_srun);
  CHECK(outcome.status == 1);
  // Slurm 24.11 refuses the job
  CHECK_THAT(
      outcome.errors,
      contains("error: no group could be started by Slurm: it would keep a job of 100 ranks in its queue for ever "
               "(PartitionConfig); ask for fewer ranks") ||
          contains("error: no group could be started by Slurm: Unable to allocate resources: Requested node "
                   "configuration is not available"));
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
  CHECK(outcome.left.empty());
  CHECK(queue_is_empty());
}

TEST_CASE("a job that Slurm refuses is reported in one line") {
  auto const outcome = run_program(program + " work", by_srun + " SLURM_PARTITION=nope");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.errors, contains("error: no group could be started by Slurm: invalid partition specified: nope; "
                                      "Unable to allocate resources: Invalid partition name specified (the launcher"));
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
  CHECK(outcome.left.empty());
}

TEST_CASE("a Slurm without a plugin for PMIx is reported in one line, which says so") {
  run("rm -rf plugins; mkdir plugins; ln -s \"$(scontrol show config | sed -n 's/^PluginDir *= //p')\"/*.so plugins; "
      "rm "
      "plugins/mpi_pmix*; { cat \"$SLURM_CONF\"; echo \"PluginDir=$PWD/plugins\"; } >without_pmix.conf");
  auto const outcome = run_program(program + " work", by_srun + " SLURM_CONF=$PWD/without_pmix.conf");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.errors,
             contains("error: no group could be started by Slurm: this Slurm has no plugin for PMIx (srun "
                      "--mpi=list): install the plugin, or use another launcher"));
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
  CHECK(outcome.left.empty());
}
