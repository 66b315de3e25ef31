#include "spawn/sources/spawned_source.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/group/group.hpp"
#include "spawn/hosts/hosts.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/process/working_directory.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <asio/steady_timer.hpp>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <limits>
#include <utility>

namespace farm::detail {
namespace {

/// The time for MPI_Comm_spawn to return after the death of a rank that it starts: the call may not depend on it any
/// more.
constexpr auto stuck_limit = std::chrono::seconds{1};

bool names_other_hosts(WorkerOptions const& options) {
  return std::any_of(options.hosts.begin(), options.hosts.end(),
                     [](std::string const& host) { return !is_this_host(host); }) ||
         std::any_of(options.mpi_info.begin(), options.mpi_info.end(),
                     [](auto const& pair) { return pair.first.find("host") != std::string::npos; });
}

/// Returns true if a batch system or Open MPI's default list of hosts may have given mpiexec its hosts.
bool others_may_name_hosts() {
  constexpr std::array variables{"SLURM_JOB_NODELIST",    "PBS_NODEFILE", "LSB_DJOB_HOSTFILE",
                                 "LSB_AFFINITY_HOSTFILE", "PE_HOSTFILE",  "OMPI_MCA_orte_default_hostfile"};
  return job_may_have_other_hosts() || std::any_of(variables.begin(), variables.end(), [](char const* name) {
           return !environment_variable(name).empty();
         });
}

/// Throws UsageError if mpiexec does not have one of the hosts: it would end the program, or hang.
void check_hosts(std::vector<std::string> const& hosts) {
  for (auto const& host : hosts) {
    if (is_this_host(host)) continue;
    auto known = is_singleton() ? std::vector{host_name()} : hosts_of_mpiexec();
    if (known.empty() && !others_may_name_hosts()) known.push_back(host_name());
    bool const is_known = known.empty() || std::any_of(known.begin(), known.end(),
                                                       [&](std::string const& each) { return is_name_of(host, each); });
    if (is_known) continue;
    throw UsageError(
        fmt::format("hosts: {} is not one of the available hosts (mpiexec has {}); name it with mpiexec -host, or with "
                    "FARM_HOSTS and "
                    "FARM_SOURCE=launched",
                    host, fmt::join(known, ", ")));
  }
}

/// The environment of a rank holds this path, and has room for the farm's own variables besides.
constexpr std::size_t longest_join_path = 120;

std::string host_file_path(std::uint64_t group) { return join_file_path(group) + ".hosts"; }

bool may_use_other_hosts(WorkerOptions const& options) {
  return names_other_hosts(options) || job_may_have_other_hosts();
}

/// Returns the directory to which the ranks change. Empty: mpi_info names one to mpiexec.
std::string working_directory_of(WorkerOptions const& options) {
  if (!options.working_directory.empty()) return std::filesystem::absolute(options.working_directory).string();
  bool const is_chosen = std::any_of(options.mpi_info.begin(), options.mpi_info.end(),
                                     [](auto const& pair) { return pair.first == "wdir"; });
  return is_chosen ? std::string{} : std::filesystem::current_path().string();
}

/// Returns the hosts of mpiexec, which are taken to have what this one has.
std::vector<HostResources> hosts_of_job() {
  auto const own = capacity_of_this_host();
  std::vector<HostResources> hosts{{host_name(), own}};
  for (int i = 1; i < launched_as().hosts; ++i) hosts.push_back({"another host", own});
  return hosts;
}

}  // namespace

SpawnedSource::SpawnedSource(SourcePort& port, Slots slots)
    : port_(port),
      slots_(std::move(slots)),
      hosts_(hosts_of_job()),
      budget_(slots_.limited ? slots_.total : std::numeric_limits<int>::max(), sum_of(hosts_)),
      stuck_timer_(port.context()),
      spawner_(std::make_unique<Spawner>()) {}

SpawnedSource::~SpawnedSource() {
  if (!stuck_.empty()) static_cast<void>(spawner_.release());  // its thread never returns from MPI, and still uses it
}

void SpawnedSource::check(int ranks, WorkerOptions const& options) const {
  std::string why = descriptor_shortage(ranks, true);
  if (!why.empty()) throw SpawnError(why);
  check_hosts(options.hosts);
  if (names_other_hosts(options)) port_.open_to_network();
  if (guards_need_pmix() && !pmix_available(why)) throw SpawnError(missing_pmix(why));
}

std::string SpawnedSource::refusal(Request const& /*request*/, WorkerOptions const& /*options*/) const {
  return stuck_;
}

void SpawnedSource::start(std::shared_ptr<Group> const& group, int peak_ranks, WorkerOptions const& options,
                          Clock::duration limit) {
  taken_.add(without_named(group->request()));
  auto join_info = port_.join_info();
  join_info.group = group->id();
  join_info.ranks = group->ranks();
  join_info.build_id = program_build_id();
  join_info.output_prefix = options.output_directory;
  join_info.environment.assign(options.environment.begin(), options.environment.end());
  std::string join_file;
  try {
    join_info.working_directory = working_directory_of(options);
    if (!may_use_other_hosts(options)) check_directory(join_info.working_directory);
  } catch (std::exception const& e) {
    return port_.post([group, why = text_of(e)] { group->start_failed(why); });
  }
  try {
    write_join_info(join_info, join_file_path(group->id()));
    join_file = short_join_file_path(group->id(), longest_join_path);
  } catch (std::exception const&) {
    // the ranks get the same by MPI; then a death while MPI starts them is noticed late
  }
  auto const id = group->id();
  spawner_->request({.join_info = std::move(join_info),
                     .join_file = join_file,
                     .host_file = host_file_path(id),
                     .may_use_other_hosts = may_use_other_hosts(options),
                     .ranks = group->ranks(),
                     .peak_ranks = std::max(peak_ranks, static_cast<int>(taken_.ranks())),
                     .options = options,
                     .begun =
                         [this, id, limit](bool by_mpi) {
                           port_.post([this, id, limit, by_mpi] {
                             spawning_ = id;
                             spawning_by_mpi_ = by_mpi;
                             limit_spawn(limit, fmt::format("{} did not return within {:g} s",
                                                            by_mpi ? "MPI_Comm_spawn" : "PMIx_Spawn",
                                                            std::chrono::duration<double>(limit).count()));
                           });
                         },
                     .ended =
                         [this, group, limit](std::string const& why) {
                           port_.post([this, group, limit, why] {
                             spawn_is_over();
                             if (why.empty()) {
                               group->expect(limit);
                             } else {
                               group->start_failed(why);
                             }
                           });
                         }});
}

void SpawnedSource::limit_spawn(Clock::duration limit, std::string const& why) {
  stuck_timer_.expires_after(limit);
  stuck_timer_.async_wait([this, why](asio::error_code const& error) {
    if (!error) give_up(why);
  });
}

void SpawnedSource::spawn_is_over() {
  spawning_ = 0;
  stuck_timer_.cancel();
  if (closed_) std::exchange(closed_, nullptr)();
}

/// A spawn whose group is gone may still be under way, or may never return.
void SpawnedSource::close(std::function<void()> done) {
  if (spawning_ == 0 || !stuck_.empty()) return done();
  closed_ = std::move(done);
}

/// A spawn cannot be interrupted, and MPI does not support a second call of MPI_Comm_spawn beside it.
void SpawnedSource::give_up(std::string const& why) {
  stuck_ = why + " and cannot be interrupted: no more groups can be spawned; start the program again";
  if (closed_) {
    spawner_->abandon();
    return spawn_is_over();
  }
  try {
    static_cast<void>(port_.launched());
    gave_up_ = true;
    log_error(why + ": groups are launched by mpiexec from now on");
  } catch (std::exception const& e) {
    stuck_ += fmt::format(" (nor can they be launched: {})", text_of(e));
    spawner_->abandon();
    return port_.fail_starting(*this, stuck_);
  }
  spawner_->abandon();
  port_.stop_starting(*this, spawning_, stuck_);
}

bool SpawnedSource::withdraw(Group const& group) {
  if (!spawner_->withdraw(group.id())) return false;
  taken_.subtract(without_named(group.request()));
  return true;
}

void SpawnedSource::released(Group const& group) {
  taken_.subtract(without_named(group.request()));
  unlink(join_file_path(group.id()).c_str());
  unlink(host_file_path(group.id()).c_str());
  if (spawning_ != group.id() || !spawning_by_mpi_ || !stuck_.empty()) return;
  limit_spawn(stuck_limit,
              "a rank died while MPI_Comm_spawn was starting it, and the call waits for that rank for ever");
}

/// mpiexec either notices that its daemon on the host is gone, and ends everything, or the next spawn hangs.
void SpawnedSource::host_lost(Group const& group, int rank) {
  if (!stuck_.empty()) return;
  stuck_ = fmt::format(
      "the host {} is lost, and the launcher does not survive that: no more groups can be started; start the program "
      "again; launched groups (FARM_SOURCE=launched) survive the loss of a host",
      group.host(rank));
  spawner_->abandon();
  port_.fail_starting(*this, stuck_);
}

void SpawnedSource::take_back(std::vector<Member> /*members*/) {}  // no rank outlives its group

void SpawnedSource::attach(Hello const& /*hello*/, Socket /*socket*/) { throw ProtocolError("its group has ended"); }

}  // namespace farm::detail
