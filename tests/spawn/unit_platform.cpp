#include "spawn/limits/cores.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/platform/platform.hpp"

#include "tests/spawn/scoped_environment.hpp"
#include "tests/support/catch.hpp"

#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace farm::detail;

namespace {

std::optional<std::string> variable(char const* name) {
  char const* const value = getenv(name);
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

/// Binds the calling thread to one core; each thread has its own affinity.
void bind_this_thread() {
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  std::size_t first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  sched_setaffinity(0, sizeof one, &one);
}

}  // namespace

TEST_CASE("MPI does not search for fabrics that do not exist") {
  ScopedEnvironment const environment{{{"OMPI_MCA_mtl", {}}, {"OMPI_MCA_pml", {}}}};
  CHECK(exclude_absent_fabrics() == !has_fabric());
  CHECK(variable("OMPI_MCA_mtl") == (has_fabric() ? std::nullopt : std::optional<std::string>{"^ofi,psm,psm2"}));
}

TEST_CASE("the user's choice of an mtl or a pml is kept") {
  {
    ScopedEnvironment const environment{{{"OMPI_MCA_mtl", "psm2"}, {"OMPI_MCA_pml", {}}}};
    CHECK_FALSE(exclude_absent_fabrics());
    CHECK(variable("OMPI_MCA_mtl") == "psm2");
  }
  {
    ScopedEnvironment const environment{{{"OMPI_MCA_mtl", {}}, {"OMPI_MCA_pml", "ob1"}}};
    CHECK_FALSE(exclude_absent_fabrics());
    CHECK_FALSE(variable("OMPI_MCA_mtl"));
    CHECK(variable("OMPI_MCA_pml") == "ob1");
  }
}

TEST_CASE("a singleton can spawn and survive its ranks, unless the user has set otherwise") {
  ScopedEnvironment const environment{
      {{"OMPI_MCA_rmaps_base_oversubscribe", {}}, {"OMPI_MCA_orte_enable_recovery", "0"}}};
  prepare_singleton();
  CHECK(variable("OMPI_MCA_rmaps_base_oversubscribe") == "1");
  CHECK(variable("OMPI_MCA_orte_enable_recovery") == "0");
}

TEST_CASE("ranks yield if and only if they outnumber the cores that this process may use") {
  CHECK(yield_setting(core_count()).empty());
  CHECK(yield_setting(core_count() + 1) ==
        (uses_mpich() ? "MPIR_CVAR_POLLS_BEFORE_YIELD=1" : "OMPI_MCA_mpi_yield_when_idle=1"));
  int cores = 0;
  std::string setting;
  std::thread([&] {
    bind_this_thread();
    cores = core_count();
    setting = yield_setting(2);
  }).join();
  CHECK(cores == 1);
  CHECK_FALSE(setting.empty());
}

TEST_CASE(
    "a master that mpiexec has bound to a core by default uses all cores of mpiexec; a binding that the user chose is "
    "kept") {
  std::map<std::string, std::optional<std::string>> variables{{"OMPI_MCA_orte_bound_at_launch", "1"},
                                                              {"OMPI_MCA_hwloc_base_binding_policy", {}},
                                                              {"OMPI_MCA_hwloc_base_cpu_set", {}}};
  auto const cores_afterwards = [&] {
    ScopedEnvironment const environment{variables};
    int cores = 0;
    std::thread([&] {
      bind_this_thread();
      leave_default_binding();
      cores = affinity_core_count();
    }).join();
    return cores;
  };
  cpu_set_t of_parent;
  REQUIRE(sched_getaffinity(getppid(), sizeof of_parent, &of_parent) == 0);
  if (farm::detail::mpi_traits().family == farm::detail::MpiFamily::open_mpi_5) {
    CHECK(cores_afterwards() == 1);  // no mpiexec has started this process; spawn_platform tests a master of mpiexec
    return;
  }
  CHECK(cores_afterwards() == CPU_COUNT(&of_parent));
  variables["OMPI_MCA_hwloc_base_binding_policy"] = "core";
  CHECK(cores_afterwards() == 1);
  variables["OMPI_MCA_hwloc_base_binding_policy"].reset();
  variables["OMPI_MCA_orte_bound_at_launch"].reset();
  CHECK(cores_afterwards() == 1);
}

TEST_CASE("spawned ranks are not bound, and MPI does not count slots") {
  auto const info = spawn_info();
  auto const value = [&](std::string const& key) {
    auto const found = std::find_if(info.begin(), info.end(), [&](auto const& pair) { return pair.first == key; });
    return found != info.end() ? found->second : "";
  };
  CHECK(value("bind_to") == "none");
  CHECK(value("map_by") == "slot:OVERSUBSCRIBE");
}

TEST_CASE("spawned ranks run this program") { CHECK(program_to_spawn().ends_with("/spawn_unit_tests")); }
