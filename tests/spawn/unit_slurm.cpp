// What a Slurm job tells, and what srun is asked for. A stand-in for scontrol describes the job.
#include "spawn/hosts/slurm_job.hpp"
#include "spawn/launch/slurm_step.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

using namespace farm::detail;

namespace {

/// While it lives, the environment is that of a Slurm job, and scontrol prints the texts, by the number of the job.
class FakeJob {
 public:
  FakeJob(std::map<std::string, std::string> variables, std::map<std::string, std::string> const& texts)
      : variables_(std::move(variables)), path_(getenv("PATH")) {
    for (auto const& [name, value] : variables_) setenv(name.c_str(), value.c_str(), 1);
    std::filesystem::create_directory("fake_slurm");
    std::ofstream script{"fake_slurm/scontrol"};
    script << "#!/bin/sh\nfor id; do :; done\ncase $id in\n";
    for (auto const& [id, text] : texts) script << id << ") echo '" << text << "' ;;\n";
    script << "*) echo 'slurm_load_jobs error: Invalid job id specified'; exit 1 ;;\nesac\n";
    script.close();
    std::filesystem::permissions("fake_slurm/scontrol", std::filesystem::perms::owner_all);
    setenv("PATH", (std::filesystem::absolute("fake_slurm").string() + ":" + path_).c_str(), 1);
  }
  FakeJob(FakeJob const&) = delete;
  FakeJob& operator=(FakeJob const&) = delete;
  ~FakeJob() {
    for (auto const& [name, value] : variables_) unsetenv(name.c_str());
    setenv("PATH", path_.c_str(), 1);
  }

 private:
  std::map<std::string, std::string> variables_;
  std::string path_;
};

std::map<std::string, std::string> job_of(std::string const& hosts, std::string const& tasks) {
  return {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", hosts}, {"SLURM_NTASKS", "1"}, {"SLURM_TASKS_PER_NODE", tasks}};
}

std::string running(std::string const& rest) { return "JobId=7 JobName=x JobState=RUNNING " + rest; }

std::string options_for(Placement const& placement) {
  return fmt::format("{}", fmt::join(step_options(find_hosts(), placement), " "));
}

}  // namespace

TEST_CASE("the cores of each task of the job are those of each rank") {
  auto variables = job_of("a", "4");
  variables["SLURM_CPUS_PER_TASK"] = "3";
  FakeJob const job{variables, {{"7", running("CPUs/Task=3")}}};
  CHECK(options_for({{"a", 2}}) == "--exact --cpus-per-task=3");
  setenv("SRUN_CPUS_PER_TASK", "2", 1);
  CHECK(options_for({{"a", 2}}) == "--exact --cpus-per-task=2");
  unsetenv("SRUN_CPUS_PER_TASK");
}

TEST_CASE("a group has the share of its slots in the GPUs of its hosts") {
  FakeJob const job{job_of("a,b", "4(x2)"),
                    {{"7", running("Nodes=a,b CPU_IDs=0-3 Mem=0 GRES=gpu:k80:4(IDX:0-1,2-3),nvme:8(CNT:8)")}}};
  CHECK(options_for({{"a", 2}}) == "--exact --gres=gpu:k80:2,nvme:4");
  CHECK(options_for({{"a", 2}, {"b", 2}}) == "--exact --gres=gpu:k80:2,nvme:4");
  CHECK(options_for({{"a", 3}, {"b", 1}}) == "--exact --gres=nvme:2 --gpus-per-task=k80:1");
}

TEST_CASE("groups share the GPUs if there is less than one for a group") {
  FakeJob const job{job_of("a", "4"), {{"7", running("Nodes=a CPU_IDs=0-3 Mem=0 GRES=gpu:2(IDX:0-1)")}}};
  CHECK(options_for({{"a", 2}}) == "--exact --gres=gpu:1");
  CHECK(options_for({{"a", 3}}) == "--exact --gres=gpu:1");
  CHECK(options_for({{"a", 1}}) == "--overlap --cpu-bind=none --gres=gpu:2");
}

TEST_CASE("GPUs that the job has for each task are those of each rank") {
  FakeJob const job{job_of("a", "4"), {{"7", running("Nodes=a GRES=gpu:4(IDX:0-3) TresPerTask=gres:gpu:1")}}};
  CHECK(options_for({{"a", 2}}) == "--exact --gpus-per-task=1");
}

TEST_CASE("inside a step groups do not wait for the cores of that step") {
  auto variables = job_of("a", "4");
  variables["SLURM_STEP_ID"] = "0";
  variables["SLURM_JOB_CPUS_PER_NODE"] = "8";
  FakeJob const job{variables, {{"7", running("CPUs/Task=2 Nodes=a CPU_IDs=0-7 Mem=0 GRES=gpu:4(IDX:0-3)")}}};
  CHECK(find_hosts().hosts.front().slots == 4);
  CHECK(options_for({{"a", 2}}) == "--overlap --cpu-bind=none --gres=gpu:4");
  std::vector<std::string> lines{"A=1", "SLURM_CPU_BIND=mask_cpu:0x1", "SLURM_GPUS=4", "SLURM_HINT=nomultithread"};
  remove_job_requests(lines);
  CHECK(lines == std::vector<std::string>{"A=1", "SLURM_HINT=nomultithread"});
}

TEST_CASE("a heterogeneous job has the hosts of all its components") {
  FakeJob const job{{{"SLURM_JOB_ID", "7"},
                     {"SLURM_HET_SIZE", "2"},
                     {"SLURM_JOB_ID_HET_GROUP_0", "7"},
                     {"SLURM_JOB_ID_HET_GROUP_1", "8"},
                     {"SLURM_JOB_NODELIST_HET_GROUP_0", "a"},
                     {"SLURM_JOB_NODELIST_HET_GROUP_1", "b[1-2]"},
                     {"SLURM_NTASKS_HET_GROUP_0", "2"},
                     {"SLURM_NTASKS_HET_GROUP_1", "6"},
                     {"SLURM_TASKS_PER_NODE_HET_GROUP_0", "2"},
                     {"SLURM_TASKS_PER_NODE_HET_GROUP_1", "3(x2)"}},
                    {{"7", running("Nodes=a GRES=")},
                     {"8", "JobId=8 JobState=RUNNING CPUs/Task=2 Nodes=b[1-2] GRES=gpu:3(IDX:0-2)"}}};
  auto const list = find_hosts();
  SlotMap const map{list};
  CHECK(map.total() == 8);
  CHECK(map.largest_group() == 6);
  CHECK(options_for({{"a", 2, 0}}) == "--het-group=0 --exact");
  CHECK(options_for({{"b2", 1, 1}}) == "--het-group=1 --exact --cpus-per-task=2 --gres=gpu:1");
}

TEST_CASE("variables of a job that has ended are an error that names them") {
  auto const variables = job_of("a", "4");
  auto const refusal = [] { return error_of<farm::SpawnError>([] { static_cast<void>(find_hosts()); }); };
  std::string const ended = "Slurm job 7 has ended";
  std::string const remedy = "unset SLURM_JOB_ID SLURM_JOB_NODELIST SLURM_NTASKS";
  {
    FakeJob const job{variables, {}};
    CHECK_THAT(refusal(), contains(ended) && contains(remedy));
    setenv("FARM_HOSTS", "a", 1);
    CHECK_THAT(refusal(), contains(ended) && contains(remedy));  // srun would fail
    setenv("FARM_LAUNCHER", "mpiexec", 1);
    CHECK(find_hosts().hosts.size() == 1);
    unsetenv("FARM_LAUNCHER");
    unsetenv("FARM_HOSTS");
  }
  {
    FakeJob const job{variables, {{"7", "JobId=7 JobState=COMPLETED Reason=None"}}};
    CHECK_THAT(refusal(), contains(ended) && contains(remedy));
  }
  FakeJob const job{variables, {{"7", "slurm_load_jobs error: Unable to contact slurm controller"}}};
  CHECK_THAT(refusal(), contains("does not describe Slurm job 7 (slurm_load_jobs error: Unable to contact"));
}
