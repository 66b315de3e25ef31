#include <farm/detail/engine_options.hpp>
#include <farm/error.hpp>

#include "core/base/option_check.hpp"
#include "core/base/settings.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/limits/cores.hpp"
#include "spawn/sources/group_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace farm::detail {
namespace {

constexpr int most_ranks = std::numeric_limits<int>::max();

void check_slots(Slots const& slots, int ranks, char const* name) {
  if (!slots.limited || ranks <= slots.total) return;
  throw SpawnError(
      fmt::format("{} is {}, but there are {} slots for ranks besides the master ({}); {}, or ask for fewer", name,
                  ranks, slots.total, slots.origin, slots.remedy(ranks)));
}

void check_workers(WorkerOptions const& workers) {
  for (auto const& [name, value] : workers.environment) {
    if (name.empty() || name.find_first_of("=\n") != std::string::npos) {
      throw UsageError(fmt::format("environment: \"{}\" is not the name of a variable", name));
    }
    if (value.find('\n') != std::string::npos)
      throw UsageError(fmt::format("environment: the value of {} has a line break", name));
  }
  for (auto const& [key, value] : workers.mpi_info) {
    if (key == "env") {
      throw UsageError("mpi_info: env is set by the farm; add variables for the ranks with WorkerOptions::environment");
    }
  }
}

}  // namespace

int default_max_ranks(Source source) { return default_max_ranks(Hub::instance(), source); }

int default_max_ranks(Hub& hub, Source source) {
  auto const& from = hub.source(source);
  auto const& slots = from.slots();
  if (auto const value = setting_number(Setting::max_workers, 1, most_ranks, "a number above 0")) {
    check_slots(slots, *value, "FARM_MAX_WORKERS");
    return *value;
  }
  if (slots.limited) return std::max(slots.total, 1);
  auto const cores = sum_of(from.resources()).cores;
  return cores ? static_cast<int>(std::clamp<std::int64_t>(*cores, 1, most_ranks)) : core_count();
}

void check_options(EngineOptions const& options, Slots const& slots) {
  check_above_zero(options.max_ranks_is, options.max_ranks);
  check_above_zero("ranks_per_task", options.ranks_per_task);
  check_above_zero("max_losses", options.max_losses);
  if (options.ranks_per_task > options.max_ranks) {
    throw UsageError(fmt::format("ranks_per_task is {}, which is more than {}, {}", options.ranks_per_task,
                                 options.max_ranks_is, options.max_ranks));
  }
  check_zero_or_above("tasks_per_group", options.tasks_per_group, "no limit");
  if (options.grace.count() < 0) throw UsageError("grace is negative");
  if (options.spawn_timeout.count() <= 0) throw UsageError("spawn_timeout must be above 0");
  check_workers(options.workers);
  check_slots(slots, options.max_ranks, options.max_ranks_is);
}

}  // namespace farm::detail
