#include "spawn/sources/source_choice.hpp"

#include "core/base/settings.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/platform/mpi_traits.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <string>

namespace farm::detail {
namespace {

constexpr std::array all_sources{Source::automatic, Source::spawned, Source::static_ranks, Source::launched};

Source named_source() {
  auto const name = setting(Setting::source);
  if (name.empty()) return Source::automatic;
  for (auto const each : all_sources) {
    if (name == name_of(each)) return each;
  }
  throw UsageError(fmt::format("{} is \"{}\": spawned, static, launched or automatic is expected",
                               setting_name(Setting::source), name));
}

/// Throws UsageError if this process has two MPIs, or if the mpiexec of another MPI has started it: MPI_Init would make
/// each process a job of its own, and each would be a master.
void check_launcher() {
  if (auto const mixed = mixed_mpis(); !mixed.empty()) {
    throw UsageError(mixed + ": build the program and all its libraries, HDF5 too, with one MPI");
  }
  auto const& launched = launched_as();
  if (!launched.by_mpiexec || launched.by_hydra == uses_mpich() || mpi_traits().family == MpiFamily::other) return;
  throw UsageError(fmt::format(
      "{} has started this program, which is built with {}: its {} would not know of each other; start it with {}",
      launched.by_hydra ? "MPICH's mpiexec" : "Open MPI's mpiexec", mpi_library(),
      launched.size == 1 ? "ranks" : fmt::format("{} processes", launched.size), own_mpiexec()));
}

}  // namespace

char const* name_of(Source source) {
  switch (source) {
    case Source::automatic:
      return "automatic";
    case Source::spawned:
      return "spawned";
    case Source::static_ranks:
      return "static";
    case Source::launched:
      return "launched";
  }
  return "";
}

Source choose_source(Ranks ranks) {
  check_launcher();
  bool const alone = is_singleton();
  int const size = alone ? 1 : launched_as().size;
  if (ranks == Ranks::take_part) return Source::static_ranks;
  auto wanted = ranks == Ranks::launch ? Source::launched : named_source();
  // under srun, MPI_Comm_spawn does not work; and only launched groups can have Slurm jobs of their own
  bool const by_srun =
      (!environment_variable("SLURM_JOB_ID").empty() || launches_slurm_jobs()) && !launched_as().by_mpiexec;
  if (wanted == Source::automatic && by_srun && size <= 1) wanted = Source::launched;
  auto const& mpi = mpi_traits();
  bool const can_spawn = alone ? mpi.singleton_spawns : mpi.spawns;
  if (wanted == Source::automatic && size <= 1 && !can_spawn) wanted = Source::launched;
  if (wanted == Source::spawned && !can_spawn) {
    throw UsageError(
        fmt::format("{} cannot spawn groups{}: start the program with all its ranks, as by mpiexec -n 17, "
                    "or let groups be launched, by FARM_SOURCE=launched",
                    mpi.name, alone && mpi.spawns ? " in a program that was started without mpiexec" : ""));
  }
  if (wanted == Source::launched) {
    auto const steps = std::atoi(environment_variable("SLURM_STEP_NUM_TASKS").c_str());
    if (alone && steps > 1) {
      throw UsageError(fmt::format("srun started {} processes that do not know of each other: give srun --mpi={}",
                                   steps, mpi_traits().srun_plugin));
    }
    if (size > 1) {
      throw UsageError(fmt::format(
          "groups are to be launched, but the program was started with {} processes: start it as one", size));
    }
  }
  if (wanted == Source::spawned && size > 1) {
    throw UsageError(fmt::format(
        "FARM_SOURCE=spawned, but the program was started with {} processes: start it with mpiexec -n 1", size));
  }
  if (wanted == Source::static_ranks && size <= 1) {
    throw UsageError("FARM_SOURCE=static, but the program was started as one process: start it with mpiexec -n 17");
  }
  if (wanted != Source::automatic) return wanted;
  return size > 1 ? Source::static_ranks : Source::spawned;
}

}  // namespace farm::detail
