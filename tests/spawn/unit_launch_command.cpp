// How launchers are called.
#include "spawn/launch/launch_command.hpp"
#include "spawn/launch/slurm_step.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/error.hpp>

#include <cstdlib>
#include <string>
#include <vector>

using farm::detail::LaunchCommand;
using farm::detail::Placement;

namespace {

std::string filled(std::string const& launcher, Placement const& placement) {
  int ranks = 0;
  for (auto const& share : placement) ranks += share.ranks;
  return farm::detail::to_text(LaunchCommand{launcher}.fill({.ranks = ranks,
                                                             .placement = placement,
                                                             .resources = {"--exact", "-c4"},
                                                             .exports = {"A", "B"},
                                                             .program = {"env", "X=1", "/bin/my program"}}));
}

/// The plugin of Slurm that this MPI needs.
std::string plugin() { return farm::detail::uses_mpich() ? "pmi2" : "pmix"; }

/// While it lives, a variable has this value.
class Variable {
 public:
  Variable(char const* name, char const* value) : name_(name) { setenv(name, value, 1); }
  Variable(Variable const&) = delete;
  Variable& operator=(Variable const&) = delete;
  ~Variable() { unsetenv(name_); }

 private:
  char const* name_;
};

}  // namespace

TEST_CASE("mpiexec gets hosts with their slots, variables and the program") {
  Placement const placement{{"a", 2}, {"b", 1}};
  switch (farm::detail::mpi_traits().family) {
    case farm::detail::MpiFamily::open_mpi_4:
      CHECK(filled("mpiexec", placement) ==
            "mpiexec --oversubscribe --bind-to none --host a:2,b:1 -x A -x B -n 3 env X=1 '/bin/my program'");
      CHECK_THAT(filled("/opt/mpi/bin/mpirun", {{"a", 1}}), contains("/opt/mpi/bin/mpirun --oversubscribe"));
      break;
    case farm::detail::MpiFamily::open_mpi_5:
      CHECK(filled("mpiexec", placement) ==
            "mpiexec --map-by :OVERSUBSCRIBE --bind-to none --host a:2,b:1 -x A -x B -n 3 env X=1 '/bin/my program'");
      break;
    default:
      CHECK(filled("mpiexec", placement) == "mpiexec -bind-to none -hosts a:2,b:1 -n 3 env X=1 '/bin/my program'");
  }
}

TEST_CASE("the names of Debian's mpiexecs stand for the options of their MPI") {
  for (auto const* const name : {"mpiexec.mpich", "mpiexec.hydra"}) {
    CHECK_THAT(filled(name, {{"a", 2}}), contains("-bind-to none -hosts a:2 -n 2 env X=1"));
  }
  CHECK_THAT(filled("mpiexec.openmpi", {{"a", 2}}), contains("a:2"));
}

TEST_CASE("srun gets a step with its share of the job") {
  Variable const job{"SLURM_JOB_ID", "7"};
  CHECK(filled("srun", {{"a", 2}}) ==
        "srun --mpi=" + plugin() + " --mem=0 --exact -c4 --ntasks=2 env X=1 '/bin/my program'");
  CHECK(filled("srun '{resources} x' {ranks}", {{"a", 2}}) == "srun '--exact -c4 x' 2 env X=1 '/bin/my program'");
  CHECK(LaunchCommand{"srun"}.shares_slurm_job());
  CHECK(!LaunchCommand{"srun --exact -n {ranks}"}.shares_slurm_job());
  CHECK(filled("srun -n {ranks} -N {nodes} -w {nodelist} -m {layout}", {{"a", 2}, {"b", 1}}) ==
        "srun -n 3 -N 2 -w a,a,b -m arbitrary env X=1 '/bin/my program'");
}

TEST_CASE("srun gets one host with the number of nodes, or a host for each rank") {
  using farm::detail::host_options;
  CHECK(host_options({{"a", 2}}) == std::vector<std::string>{"--nodes=1", "--nodelist=a", "--distribution=block"});
  CHECK(host_options({{"a", 2}, {"b", 1}}) == std::vector<std::string>{"--nodelist=a,a,b", "--distribution=arbitrary"});
}

TEST_CASE("outside of a Slurm job srun gets a job for each group") {
  CHECK(filled("srun", {{"localhost", 2}}) ==
        "srun --mpi=" + plugin() + " --exact -c4 --ntasks=2 env X=1 '/bin/my program'");
  CHECK(LaunchCommand{"srun"}.makes_slurm_job());
  CHECK(LaunchCommand{"/opt/slurm/bin/srun -p long -n {ranks}"}.makes_slurm_job());
  CHECK(!LaunchCommand{"srun"}.shares_slurm_job());
  CHECK(!LaunchCommand{"mpiexec"}.makes_slurm_job());
  CHECK(!farm::detail::launches_slurm_jobs());
  {
    Variable const launcher{"FARM_LAUNCHER", "srun -p long"};  // also if the command is wrong
    CHECK(farm::detail::launches_slurm_jobs());
    Variable const job{"SLURM_JOB_ID", "7"};
    CHECK(!farm::detail::launches_slurm_jobs());
  }
}

TEST_CASE("flux places ranks by itself") {
  CHECK(filled("flux", {{"localhost", 4}}) == "flux run --ntasks=4 env X=1 '/bin/my program'");
}

TEST_CASE("a launcher of the user's own is a command with fields, and the program stands at its end") {
  CHECK(filled("my 'launcher of' \"mine\" -c{ranks} a\\ b", {{"a", 1}}) ==
        "my 'launcher of' mine -c1 'a b' env X=1 '/bin/my program'");
  CHECK(filled("my {program} -n {ranks} {nodes}", {{"a", 1}, {"b", 1}}) == "my env X=1 '/bin/my program' -n 2 2");
}

TEST_CASE("prun may have options of its own, which say where its virtual machine is") {
  auto const arguments =
      std::string{" --map-by :OVERSUBSCRIBE --bind-to none --host a:2 -x A -x B -n 2 env X=1 '/bin/my program'"};
  CHECK(filled("prun", {{"a", 2}}) == "prun" + arguments);
  CHECK(filled("prun --dvm-uri file:dvm.uri", {{"a", 2}}) == "prun --dvm-uri file:dvm.uri" + arguments);
}

TEST_CASE("launchers that cannot be understood are refused") {
  auto const refusal = [](std::string const& text) {
    return error_of<farm::UsageError>([&] { LaunchCommand const command{text}; });
  };
  CHECK_THAT(refusal("nonesuch"), contains("is not known: give a command with {ranks}"));
  CHECK_THAT(refusal("x -n 3 {program}"), contains("does not say how many ranks"));
  CHECK_THAT(refusal("x -n {rank}"), contains("{rank} is not a field; the fields are {ranks}, "));
  CHECK_THAT(refusal("x '{ranks}"), contains("a quote ' is not closed"));
}

TEST_CASE("where none is named, FARM_LAUNCHER and what this process runs in decide") {
  CHECK_THAT(LaunchCommand{""}.text(), contains(farm::detail::own_mpiexec() + " "));
  {
    Variable const job{"SLURM_JOB_ID", "7"};
    CHECK_THAT(LaunchCommand{""}.text(), contains("srun --mpi=" + plugin()));
    Variable const named{"FARM_LAUNCHER", "own {ranks}"};
    CHECK(LaunchCommand{""}.text() == "own {ranks}");
    CHECK_THAT(LaunchCommand{"mpiexec"}.text(), contains("mpiexec "));
  }
  Variable const instance{"FLUX_URI", "local:///tmp/x"};
  CHECK_THAT(LaunchCommand{""}.text(), contains("flux run"));
}

TEST_CASE("a command as text is split into the same words again") {
  std::vector<std::string> const words{"a", "it's", "two words", "", "$HOME \"x\"", "back\\slash"};
  CHECK(farm::detail::split_words(farm::detail::to_text(words)) == words);
}
