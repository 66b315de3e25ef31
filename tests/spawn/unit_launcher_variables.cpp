#include <farm/launcher_variables.hpp>

#include "spawn/environment/launched_as.hpp"
#include "tests/spawn/scoped_environment.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

using namespace farm::detail;

namespace {

/// The variables that say how this process was started, all unset.
std::map<std::string, std::optional<std::string>> none() {
  return {{"OMPI_COMM_WORLD_RANK", {}},
          {"OMPI_COMM_WORLD_SIZE", {}},
          {"OMPI_COMM_WORLD_LOCAL_RANK", {}},
          {"OMPI_COMM_WORLD_LOCAL_SIZE", {}},
          {"OMPI_MCA_orte_num_nodes", {}},
          {"OMPI_UNIVERSE_SIZE", {}},
          {"OMPI_PARENT_PORT", {}},
          {"PMIX_RANK", {}},
          {"PMI_RANK", {}},
          {"PMI_SIZE", {}},
          {"PMI_FD", {}},
          {"HYDI_CONTROL_FD", {}},
          {"MPI_LOCALNRANKS", {}},
          {"MPI_LOCALRANKID", {}},
          {"SLURM_NTASKS", {}},
          {"SLURM_NTASKS_PER_NODE", {}},
          {"SLURM_STEP_NUM_NODES", {}},
          {"FARM_WORKER", {}}};
}

/// Those of rank 3 of 8, as mpiexec sets them. Of this process, the farm first notes how it was started.
std::map<std::string, std::optional<std::string>> of_mpiexec() {
  static_cast<void>(launched_as());
  auto all = none();
  all["OMPI_COMM_WORLD_RANK"] = all["PMIX_RANK"] = "3";
  all["OMPI_COMM_WORLD_SIZE"] = all["OMPI_UNIVERSE_SIZE"] = "8";
  all["OMPI_COMM_WORLD_LOCAL_RANK"] = "1";
  all["OMPI_COMM_WORLD_LOCAL_SIZE"] = "4";
  all["OMPI_MCA_orte_num_nodes"] = "2";
  all["OMPI_PARENT_PORT"] = "1.0:2";
  return all;
}

/// Those of rank 3 of 8, as MPICH's mpiexec sets them.
std::map<std::string, std::optional<std::string>> of_hydra() {
  static_cast<void>(launched_as());
  auto all = none();
  all["PMI_RANK"] = "3";
  all["PMI_SIZE"] = "8";
  all["PMI_FD"] = "6";
  all["HYDI_CONTROL_FD"] = "7";
  all["MPI_LOCALNRANKS"] = "4";
  all["MPI_LOCALRANKID"] = "1";
  return all;
}

bool has(std::vector<std::string> const& lines, std::string const& name) {
  return std::any_of(lines.begin(), lines.end(), [&](auto const& line) { return line.starts_with(name + "="); });
}

}  // namespace

TEST_CASE("a process is a singleton unless a launcher has set its variables") {
  ScopedEnvironment const environment{none()};
  CHECK(read_launched_as().singleton);
  for (auto const* const name : {"PMIX_RANK", "PMI_RANK"}) {
    ScopedEnvironment const marked{{{name, "0"}}};
    CHECK_FALSE(read_launched_as().singleton);
  }
}

TEST_CASE("the variables of mpiexec tell the place in the job") {
  ScopedEnvironment const environment{of_mpiexec()};
  auto const found = read_launched_as();
  CHECK(found.by_mpiexec);
  CHECK(found.rank == 3);
  CHECK(found.size == 8);
  CHECK(found.local_size == 4);
  CHECK(found.hosts == 2);
}

TEST_CASE("the variables of MPICH's mpiexec tell the place in the job, and whether it has other hosts") {
  auto variables = of_hydra();
  {
    ScopedEnvironment const environment{variables};
    auto const found = read_launched_as();
    CHECK(found.by_mpiexec);
    CHECK(found.by_hydra);
    CHECK(found.rank == 3);
    CHECK(found.size == 8);
    CHECK(found.local_size == 4);
    CHECK(found.hosts == 2);
  }
  variables["MPI_LOCALNRANKS"] = "8";
  ScopedEnvironment const environment{variables};
  CHECK(read_launched_as().hosts == 1);
}

TEST_CASE("a rank that MPICH's mpiexec has started keeps its local rank, but is a singleton for others") {
  ScopedEnvironment const environment{of_hydra()};
  farm::remove_launcher_variables();
  CHECK(std::string{getenv("MPI_LOCALRANKID")} == "1");
  for (auto const* const name : {"PMI_RANK", "PMI_FD", "HYDI_CONTROL_FD"}) CHECK(getenv(name) == nullptr);
  CHECK(read_launched_as().singleton);
  CHECK_FALSE(has(farm::launcher_environment(), "MPI_LOCALRANKID"));
}

TEST_CASE("the size of an allocation is not that of a job: salloc -n 8 starts one process") {
  auto variables = none();
  variables["SLURM_NTASKS"] = "8";
  variables["SLURM_NTASKS_PER_NODE"] = "8";
  ScopedEnvironment const environment{variables};
  auto const found = read_launched_as();
  CHECK(found.singleton);
  CHECK(found.size == 0);
  CHECK(found.local_size == 0);
}

TEST_CASE("without its launcher's variables a process keeps its place in the job, but is a singleton for others") {
  ScopedEnvironment const environment{of_mpiexec()};
  farm::remove_launcher_variables();
  CHECK(std::string{getenv("OMPI_COMM_WORLD_LOCAL_RANK")} == "1");
  CHECK(std::string{getenv("OMPI_COMM_WORLD_RANK")} == "3");
  CHECK(std::string{getenv("OMPI_COMM_WORLD_SIZE")} == "8");
  for (auto const* const name : {"OMPI_UNIVERSE_SIZE", "OMPI_PARENT_PORT", "OMPI_MCA_orte_num_nodes", "PMIX_RANK"}) {
    CAPTURE(name);
    CHECK(getenv(name) == nullptr);
  }
  CHECK(read_launched_as().singleton);
}

TEST_CASE("launchers get the environment without what is this process's own; this process keeps its environment") {
  auto variables = of_mpiexec();
  variables["FARM_WORKER"] = "spawned";
  variables["FARM_TEST_OTHER"] = "1";
  ScopedEnvironment const environment{variables};
  auto const lines = farm::launcher_environment();
  for (auto const* const name : {"OMPI_COMM_WORLD_RANK", "OMPI_UNIVERSE_SIZE", "PMIX_RANK", "FARM_WORKER"}) {
    CAPTURE(name);
    CHECK_FALSE(has(lines, name));
    CHECK(getenv(name) != nullptr);
  }
  CHECK(has(lines, "FARM_TEST_OTHER"));
}

TEST_CASE("how this process was started is read once: later changes of the environment do not change it") {
  bool const before = is_singleton();
  ScopedEnvironment const environment{of_mpiexec()};
  CHECK(is_singleton() == before);
}
