#include "spawn/sources/source_choice.hpp"

#include "core/base/settings.hpp"
#include "spawn/environment/launched_as.hpp"

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
  bool const alone = is_singleton();
  int const size = alone ? 1 : launched_as().size;
  if (ranks == Ranks::take_part) return Source::static_ranks;
  auto wanted = ranks == Ranks::launch ? Source::launched : named_source();
  // under srun, MPI_Comm_spawn does not work
  bool const in_slurm = !environment_variable("SLURM_JOB_ID").empty() && !launched_as().by_mpiexec;
  if (wanted == Source::automatic && in_slurm && size <= 1) wanted = Source::launched;
  if (wanted == Source::launched) {
    auto const steps = std::atoi(environment_variable("SLURM_STEP_NUM_TASKS").c_str());
    if (alone && steps > 1) {
      throw UsageError(
          fmt::format("srun started {} processes that do not know of each other: give srun --mpi=pmix", steps));
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
