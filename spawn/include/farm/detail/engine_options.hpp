#pragma once

#include <farm/initializer.hpp>
#include <farm/options.hpp>
#include <farm/worker_options.hpp>

#include <chrono>
#include <cstdint>

namespace farm::detail {

class Hub;
struct Slots;

/// The options of an engine, which pools and executors make of their own. The fields mean what those of the same name
/// in MPISpawnPool::Options mean.
struct EngineOptions {
  int max_ranks = 1;                       ///< above 0: see default_max_ranks()
  char const* max_ranks_is = "max_ranks";  ///< what the user calls it, for errors
  int ranks_per_task = 1;
  std::int64_t tasks_per_group = 0;
  int max_losses = 3;
  bool rerun_after_exit = false;
  std::chrono::nanoseconds grace = std::chrono::seconds{1};
  std::chrono::nanoseconds spawn_timeout = std::chrono::seconds{60};
  QueueLimit queue_limit{};
  Initializer initializer{};
  WorkerOptions workers{};
};

/// Whose processes the ranks of an engine are. The farm may kill those of the Runtime; those of a caller's communicator
/// are the program's own, so tasks there cannot be cancelled while they run.
enum class RankOwner : std::uint8_t { runtime, caller };

/// Returns how many ranks a pool has that does not say: FARM_MAX_WORKERS, else the slots of this job without the
/// master's, else the number of cores. Throws UsageError if FARM_MAX_WORKERS is not a number above 0, or if this
/// process has no Runtime; and SpawnError if FARM_MAX_WORKERS is more than the slots.
[[nodiscard]] int default_max_ranks(Source source = Source::automatic);
[[nodiscard]] int default_max_ranks(Hub& hub, Source source = Source::automatic);

/// Throws UsageError if an option is out of range, SpawnError if there are fewer slots than ranks are asked for.
void check_options(EngineOptions const& options, Slots const& slots);

}  // namespace farm::detail
