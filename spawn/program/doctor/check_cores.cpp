#include "spawn/program/doctor/check_cores.hpp"

#include "core/base/settings.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/limits/cores.hpp"
#include "spawn/sources/launched_source.hpp"

#include <farm/detail/engine_options.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <string>

namespace farm::detail {
namespace {

using State = Finding::State;

/// Returns "1 rank" or "2 ranks".
std::string counted(long number, char const* thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

/// The cores of this host that ranks may use.
struct Cores {
  int number = 1;
  bool by_quota = false;  ///< the quota of the control group allows no more

  [[nodiscard]] std::string origin() const { return by_quota ? " (the CPU quota of the control group)" : ""; }
};

/// mpiexec may have bound this process to some cores, but the ranks that mpiexec starts are not bound to them.
Cores cores_of_ranks() {
  int const all = is_singleton() ? affinity_core_count() : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  auto const quota = quota_core_count();
  if (quota && *quota < all) return {.number = *quota, .by_quota = true};
  return {.number = all};
}

/// Returns how many ranks of a pool without options run on this host.
int ranks_per_host() { return (default_max_ranks() + host_count() - 1) / host_count(); }

}  // namespace

int host_count() {
  if (auto const* const launched = dynamic_cast<LaunchedSource const*>(&Hub::instance().source()))
    return std::max(1, static_cast<int>(launched->hosts().hosts.size()));
  return std::max(1, launched_as().hosts);
}

Finding check_cores() {
  int const ranks = default_max_ranks();
  auto const cores = cores_of_ranks();
  auto const hosts = host_count();
  auto const where = hosts > 1 ? fmt::format(" on this host, one of {}", hosts) : std::string{};
  auto const text = fmt::format("{}{}{} for {}", cores.number, cores.origin(), where, counted(ranks, "rank"));
  if (ranks <= cores.number * hosts) return {"cores", State::ok, text};
  return {"cores", State::note, text + ": oversubscribed, so ranks share cores, and yield them while they wait in MPI",
          fmt::format("--max-ranks {} gives each rank a core", cores.number * hosts)};
}

Finding check_threads() {
  int const ranks = ranks_per_host();
  auto const cores = cores_of_ranks();
  auto const on_cores = fmt::format("on {}{}", counted(cores.number, "core"), cores.origin());
  auto const advice = fmt::format("set OMP_NUM_THREADS={}", std::max(1, cores.number / ranks));
  auto const text = environment_variable("OMP_NUM_THREADS");
  int const threads = std::atoi(text.c_str());  // of "4,2", the first counts: the others are for nested regions
  if (text.empty() && setting_switch(Setting::bind, true))
    return {"threads", State::ok,
            "each rank finds the number of its cores in OMP_NUM_THREADS: 1 unless tasks ask for more"};
  if (threads < 1) {
    auto const what = text.empty() ? std::string{"OMP_NUM_THREADS is not set"}
                                   : fmt::format("OMP_NUM_THREADS is \"{}\", which is not a number above 0", text);
    auto const sum =
        fmt::format("{}, so OpenMP takes one thread for each core: {} on a host may run {} {}", what,
                    counted(ranks, "rank"), counted(static_cast<long>(ranks) * cores.number, "thread"), on_cores);
    bool const fits = ranks == 1 && text.empty();
    return {"threads", fits ? State::ok : State::note, sum, fits ? "" : advice};
  }
  long const sum = static_cast<long>(ranks) * threads;
  auto const product = fmt::format("{} on a host with OMP_NUM_THREADS={} run {} {}", counted(ranks, "rank"), text,
                                   counted(sum, "thread"), on_cores);
  if (sum <= cores.number) return {"threads", State::ok, product};
  return {"threads", State::note, product + ": more threads than cores",
          threads > 1 ? advice : std::string{"have fewer ranks"}};
}

}  // namespace farm::detail
