#include "spawn/program/doctor/check_spawn.hpp"

#include "core/base/host_name.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/guard/guard_link.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/program/doctor/check_cores.hpp"
#include "spawn/program/output.hpp"

#include <farm/mpi_spawn_pool.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>

#include <unistd.h>
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

/// What a rank reports: its host, whether it has a guard, whether it sees the file, and the size of its MPI_COMM_WORLD.
using Report = std::tuple<std::string, bool, bool, int>;

Report report_of_rank(std::string const& file, Comm const& comm) {
  comm.barrier();
  int world = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  std::error_code error;
  return {host_name(), guard_link().guarded(), std::filesystem::exists(file, error), world};
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// A file in the stage directory, removed by the destructor. The name is empty if the file could not be made.
class ProbeFile {
 public:
  ProbeFile() {
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
  for (auto const& [host, guarded, seen, world] : reports) {
    if (!seen) {
      return {"stage shared", State::fail,
              fmt::format("a rank on {1} does not see a file in {0}", stage.string(), host),
              "name a directory on a shared file system with --stage or FARM_STAGE_DIR"};
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
            "name a directory on a shared file system with --stage or FARM_STAGE_DIR"};
  }
  return {"stage shared", State::ok, text};
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

Findings check_spawn() {
  try {
    auto const& slots = Hub::instance().source().slots();
    int const ranks = slots.limited && slots.total < 2 ? 1 : 2;
    ProbeFile const probe;
    MPISpawnPool::Options options{.max_ranks = ranks, .ranks_per_task = ranks, .spawn_timeout = 30s};
    keep_output_of_ranks(options.workers);
    MPISpawnPool pool{options};
    auto begin = Clock::now();
    pool.bootup();
    auto const spawn_seconds = seconds_since(begin);
    begin = Clock::now();
    auto const reports = pool.submit(all_ranks, report_of_rank, probe.name()).result(30s);
    Findings findings{group(reports, spawn_seconds, seconds_since(begin))};
    if (!probe.name().empty()) findings.push_back(sharing(reports));
    return findings;
  } catch (std::exception const& error) {
    return {{"spawn", State::fail, text_of(error)}};
  }
}

}  // namespace farm::detail
