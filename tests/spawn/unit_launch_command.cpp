// How launchers are called.
#include "spawn/launch/launch_command.hpp"
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
  CHECK(filled("mpiexec", {{"a", 2}, {"b", 1}}) ==
        "mpiexec --oversubscribe --bind-to none --host a:2,b:1 -x A -x B -n 3 env X=1 '/bin/my program'");
  CHECK_THAT(filled("/opt/mpi/bin/mpirun", {{"a", 1}}), contains("/opt/mpi/bin/mpirun --oversubscribe"));
}

TEST_CASE("srun gets a step with its share of the job, and a host for each rank where there are several") {
  CHECK(filled("srun", {{"a", 2}}) ==
        "srun --mpi=pmix --mem=0 --exact -c4 --ntasks=2 --nodes=1 --nodelist=a --distribution=block env X=1 '/bin/my "
        "program'");
  CHECK(filled("srun '{resources} x' {ranks}", {{"a", 2}}) == "srun '--exact -c4 x' 2 env X=1 '/bin/my program'");
  CHECK(LaunchCommand{"srun"}.shares_slurm_job());
  CHECK(!LaunchCommand{"srun --exact -n {ranks}"}.shares_slurm_job());
  CHECK_THAT(filled("srun", {{"a", 2}, {"b", 1}}), contains("--nodes=2 --nodelist=a,a,b --distribution=arbitrary"));
}

TEST_CASE("flux places ranks by itself") {
  CHECK(filled("flux", {{"localhost", 4}}) == "flux run --ntasks=4 env X=1 '/bin/my program'");
}

TEST_CASE("a launcher of the user's own is a command with fields, and the program stands at its end") {
  CHECK(filled("my 'launcher of' \"mine\" -c{ranks} a\\ b", {{"a", 1}}) ==
        "my 'launcher of' mine -c1 'a b' env X=1 '/bin/my program'");
  CHECK(filled("my {program} -n {ranks} {nodes}", {{"a", 1}, {"b", 1}}) == "my env X=1 '/bin/my program' -n 2 2");
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
  CHECK_THAT(LaunchCommand{""}.text(), contains("mpiexec "));
  {
    Variable const job{"SLURM_JOB_ID", "7"};
    CHECK_THAT(LaunchCommand{""}.text(), contains("srun --mpi=pmix"));
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
