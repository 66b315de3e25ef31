#include "spawn/program/doctor/check_spawn.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/guard/guard_link.hpp"
#include "spawn/hosts/hosts.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/limits/cores.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/program/doctor/check_cores.hpp"
#include "spawn/program/doctor/check_system.hpp"
#include "spawn/program/output.hpp"
#include "spawn/resources/affinity.hpp"
#include "spawn/resources/topology.hpp"

#include <farm/mpi_spawn_pool.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace farm::detail {
namespace {

using State = Finding::State;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// What a rank reports: its host, whether it has a guard, whether it sees the file, the size of its MPI_COMM_WORLD, the
/// number of cores that it may use, and of those of its host.
using Report = std::tuple<std::string, bool, bool, int, int, int>;

Report report_of_rank(std::string const& file, Comm const& comm) {
  comm.barrier();
  int world = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  std::error_code error;
  return {host_name(), guard_link().guarded(), std::filesystem::exists(file, error),
          world,       affinity_core_count(),  static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))};
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// A file in the stage directory, removed by the destructor. The name is empty if the file could not be made.
class ProbeFile {
 public:
  explicit ProbeFile(bool is_wanted) {
    if (!is_wanted) return;
    auto const path = find_stage_directory().path / fmt::format("farm-doctor-{}-{}", host_name(), getpid());
    if (std::ofstream{path}) name_ = std::filesystem::absolute(path).string();
  }
  ProbeFile(ProbeFile const&) = delete;
  ProbeFile& operator=(ProbeFile const&) = delete;
  ~ProbeFile() {
    std::error_code error;
    if (!name_.empty()) std::filesystem::remove(name_, error);
  }
  [[nodiscard]] std::string const& name() const { return name_; }

 private:
  std::string name_;
};

Finding sharing(std::vector<Report> const& reports) {
  auto const stage = find_stage_directory().path;
  std::set<std::string> hosts{host_name()};
  for (auto const& [host, guarded, seen, world, bound_to, cores] : reports) {
    if (!seen) {
      return {"stage shared", State::fail,
              fmt::format("a rank on {1} does not see a file in {0}", stage.string(), host),
              fmt::format("name a directory on a shared file system with {}", stage_option())};
    }
    hosts.insert(host);
  }
  auto const seen = fmt::format("seen by the ranks on {}", fmt::join(hosts, ", "));
  auto const known = host_count();
  if (known <= static_cast<int>(hosts.size())) {
    return {"stage shared", State::ok, known == 1 && hosts.size() == 1 ? seen + ", the only host" : seen};
  }
  auto const kind = file_system_of(stage);
  auto const text = fmt::format("{}, one of {} hosts", seen, known);
  if (is_local_file_system(kind)) {
    return {"stage shared", State::note,
            fmt::format("{}; a {} file system usually belongs to one host alone", text, kind),
            fmt::format("name a directory on a shared file system with {}", stage_option())};
  }
  return {"stage shared", State::ok, text};
}

Processors processors_of_rank(Comm const& comm) {
  comm.barrier();
  return affinity_of(0);
}

/// Starts a group of so many ranks as pools do without options.
Finding bound_by_farm(int ranks) {
  auto const unbound = [](std::string const& why) {
    return Finding{"binding", State::ok, "ranks are not bound: each may use all cores of its host" + why};
  };
  if (!setting_switch(Setting::bind, true)) return unbound(fmt::format(" ({}=0)", setting_name(Setting::bind)));
  if (launches_slurm_jobs()) return unbound(" until their group has cores of its own");
  MPISpawnPool::Options options{.max_ranks = ranks, .ranks_per_task = ranks, .spawn_timeout = 30s};
  keep_output_of_ranks(options.workers);
  MPISpawnPool pool{options};
  auto const processors = pool.submit(all_ranks, processors_of_rank).result(30s);
  std::set<int> all;
  std::size_t sum = 0;
  for (auto const& each : processors) {
    all.insert(each.begin(), each.end());
    sum += each.size();
  }
  if (all.size() == sum) {
    return {"binding", State::ok,
            fmt::format("each rank is bound to cores of its own: processors {}", to_text(processors))};
  }
  return {"binding", State::note,
          fmt::format("ranks share cores, since there are fewer than ranks, or other farms have some: processors {}",
                      to_text(processors))};
}

/// mpiexec binds each group from the first core on, so groups that are launched beside each other share cores. Slurm
/// gives each step cores of its own.
Finding binding(std::vector<Report> const& reports) {
  int const own = affinity_core_count();
  for (auto const& report : reports) {
    auto const& host = std::get<0>(report);
    int const bound_to = std::get<4>(report);
    int const cores = is_this_host(host) ? std::min(own, std::get<5>(report)) : std::get<5>(report);
    if (bound_to >= cores) continue;
    auto const text = fmt::format("a rank on {} is bound to {} of {} cores", host, bound_to, cores);
    auto const kind = Hub::instance().source().kind();
    if (kind != Source::launched) return {"binding", State::ok, text};
    LaunchCommand const command{""};
    if (command.shares_slurm_job()) return {"binding", State::ok, text};
    return {"binding", State::note, text + ", and groups that run at the same time are bound to the same cores",
            fmt::format("give --bind-to none in {}", setting_name(Setting::launcher))};
  }
  return bound_by_farm(static_cast<int>(reports.size()));
}

Finding group(std::vector<Report> const& reports, double spawn_seconds, double task_seconds) {
  auto const ranks = static_cast<int>(reports.size());
  int guarded = 0;
  for (auto const& report : reports) {
    guarded += std::get<1>(report) ? 1 : 0;
    // a static rank belongs to the MPI_COMM_WORLD of the whole job
    if (std::get<3>(report) != ranks && Hub::instance().source().kind() != Source::static_ranks) {
      return {"spawn", State::fail,
              fmt::format("the MPI_COMM_WORLD of a group of {} ranks has {} ranks", ranks, std::get<3>(report))};
    }
  }
  std::set<std::string> hosts;
  for (auto const& report : reports) hosts.insert(std::get<0>(report));
  auto const text =
      fmt::format("a group of {} ranks in {:.3f} s, its first task in {:.6f} s, {} of {} guards answered, on {}", ranks,
                  spawn_seconds, task_seconds, guarded, ranks, fmt::join(hosts, ", "));
  if (guards_wanted() && guarded != ranks) return {"spawn", State::fail, text};
  return {"spawn", spawn_seconds > 2 ? State::note : State::ok, text,
          spawn_seconds > 2 ? "this is slow: see the lines about fabric and cores" : ""};
}

}  // namespace

Findings check_spawn(bool has_stage) {
  try {
    auto const& slots = Hub::instance().source().slots();
    int const ranks = slots.limited && slots.total < 2 ? 1 : 2;
    ProbeFile const probe{has_stage};
    MPISpawnPool::Options options{.max_ranks = ranks, .ranks_per_task = ranks, .spawn_timeout = 30s};
    keep_output_of_ranks(options.workers);
    options.workers.bind = false;  // what the launcher does alone is to be seen
    MPISpawnPool pool{options};
    auto begin = Clock::now();
    pool.bootup();
    auto const spawn_seconds = seconds_since(begin);
    begin = Clock::now();
    auto const reports = pool.submit(all_ranks, report_of_rank, probe.name()).result(30s);
    Findings findings{group(reports, spawn_seconds, seconds_since(begin))};
    pool.shutdown();
    findings.push_back(binding(reports));
    if (!probe.name().empty()) findings.push_back(sharing(reports));
    return findings;
  } catch (std::exception const& error) {
    return {{"spawn", State::fail, text_of(error)}};
  }
}

}  // namespace farm::detail
