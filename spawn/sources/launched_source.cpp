#include "spawn/sources/launched_source.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/group/group.hpp"
#include "spawn/launch/session_directory.hpp"
#include "spawn/launch/slurm_step.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/process/program_arguments.hpp"
#include "spawn/process/working_directory.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/launcher_variables.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// From the end of the ranks to the end of their launcher. A launcher that hangs is ended then.
constexpr auto linger_limit = 3s;
constexpr auto close_limit = 1s;
/// An srun that is killed leaves its job in the queue, so it gets time to cancel the job at a slow controller.
constexpr auto cancel_limit = 10s;
/// From the queueing of a job to the first squeue, and the longest time between two. Slurm's scheduler finds the reason
/// in its next round.
constexpr auto first_squeue = 200ms;
constexpr auto longest_squeue_interval = 600s;

/// The program's arguments that a launcher is given. If there are more, it is given none: the ranks read them from the
/// join file, and execute the program anew. Hydra 4.0 crashes if its command line has some 1,000 words.
constexpr std::size_t most_launcher_arguments = 500;

bool is_elsewhere(HostList const& list) {
  bool const others =
      std::any_of(list.hosts.begin(), list.hosts.end(), [](HostSlots const& each) { return !is_this_host(each.name); });
  return others || getenv("FLUX_URI") != nullptr || is_set(Setting::address);
}

bool starts_with_name(std::string const& line, std::string const& name) {
  return line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=';
}

void set(std::vector<std::string>& environment, std::string const& name, std::string const& value) {
  std::erase_if(environment, [&](std::string const& line) { return starts_with_name(line, name); });
  environment.push_back(fmt::format("{}={}", name, value));
}

/// Returns the names of the variables that ranks on other hosts are to have, too.
std::vector<std::string> exported_names(WorkerOptions const& options) {
  std::vector<std::string> names;
  for (auto const& line : launcher_environment()) {
    auto const name = line.substr(0, line.find('='));
    if (name.starts_with("FARM_")) names.push_back(name);
  }
  for (auto const& [name, value] : options.environment) {
    if (!name.starts_with("FARM_")) names.push_back(name);
  }
  return names;
}

std::string hosts_of(Placement const& placement) {
  std::string text;
  for (auto const& share : placement) text += (text.empty() ? "" : ", ") + share.host;
  return text;
}

void log_lines(std::string const& prefix, std::string_view lines) {
  for (std::size_t begin = 0; begin < lines.size();) {
    auto const end = std::min(lines.find_first_of("\r\n", begin), lines.size());
    if (end != begin) log_error(prefix + std::string{lines.substr(begin, end - begin)});
    begin = end + 1;
  }
}

/// Returns the name in the list of hosts of the host that a rank has found itself on: launchers number ranks as they
/// like, so the rank's number does not tell. Empty if the host is not in the list.
std::string host_of(Placement const& placement, std::string const& host) {
  return placement.size() == 1 ? placement.front().host : find_host(placement, host);
}

}  // namespace

LaunchedSource::LaunchedSource(SourcePort& port) : port_(port), slots_(find_hosts()) {
  auto const& list = slots_.list();
  counted_ = {.total = list.limited ? slots_.total() : 0,
              .limited = list.limited,
              .origin = list.limited ? fmt::format("{} from {}",
                                                   list.hosts.size() == 1 ? "1 host"
                                                                          : fmt::format("{} hosts", list.hosts.size()),
                                                   list.origin)
                                     : list.origin,
              .remedy = [text = list.remedy](int /*ranks*/) { return text; }};
  if (!list.limited && launches_slurm_jobs()) counted_.origin = "Slurm gives each group a job of its own";
  if (is_elsewhere(list)) port_.open_to_network();
}

LaunchedSource::~LaunchedSource() {
  for (auto const& [id, entry] : launches_) {
    if (entry.process) entry.process->forget();
    if (entry.squeue) entry.squeue->forget();
    unlink(entry.join_file.c_str());
  }
}

void LaunchedSource::check(int ranks, WorkerOptions const& options) const {
  LaunchCommand const launcher{options.launcher};
  std::string why = descriptor_shortage(ranks, true);
  if (!why.empty()) throw SpawnError(why);
  if (guards_need_pmix() && !pmix_available(why)) throw SpawnError(missing_pmix(why));
  for (auto const& host : options.hosts) {
    if (slots_.knows(host) || (!counted_.limited && is_this_host(host))) continue;
    throw UsageError(fmt::format("hosts: {} is not one of the available hosts ({}); add it to FARM_HOSTS", host,
                                 slots_.list().origin));
  }
  if (launcher.makes_slurm_job()) port_.open_to_network();
}

std::vector<HostResources> LaunchedSource::resources() const {
  std::vector<HostResources> hosts;
  for (auto const& host : slots_.list().hosts) hosts.push_back({host.name, host.capacity});
  return hosts;
}

bool LaunchedSource::launcher_gives_devices() const {
  return LaunchCommand{""}.shares_slurm_job() && !is_in_slurm_step() && has_slurm_gpus(slots_.list());
}

bool LaunchedSource::has_room(Request const& request, WorkerOptions const& options) const {
  return slots_.has_room(request, counted_.limited ? options.hosts : std::vector<std::string>{});
}

std::string LaunchedSource::refusal(Request const& request, WorkerOptions const& options) const {
  int const ranks = request.ranks;
  bool const has_slots = !counted_.limited || slots_.largest_group(options.hosts) >= ranks;
  auto const& only = counted_.limited ? options.hosts : std::vector<std::string>{};
  if (has_slots && slots_.could_have_room(request, only)) return {};
  if (has_slots) {
    auto const lost = slots_.lost();
    return fmt::format("no hosts have room for a group of {}{}", to_text(request),
                       lost.empty() ? std::string{} : fmt::format(", since {} was lost", fmt::join(lost, ", ")));
  }
  if (slots_.total(options.hosts) >= ranks) {
    return fmt::format("{} ranks fit in no component of the heterogeneous Slurm job: the largest has {} slots", ranks,
                       slots_.largest_group(options.hosts));
  }
  auto const lost = slots_.lost();
  return fmt::format("{} slots are left for a group of {}{}", slots_.total(options.hosts), ranks,
                     lost.empty() ? std::string{} : fmt::format(", since {} was lost", fmt::join(lost, ", ")));
}

std::vector<std::string> LaunchedSource::environment(Launch const& entry) const {
  auto lines = launcher_environment();
  for (auto const& [name, value] : entry.options.environment) set(lines, name, value);
  int peak_ranks = counted_.limited || entry.has_own_job ? 0 : entry.peak_ranks;
  for (auto const& host : counted_.limited ? slots_.list().hosts : std::vector<HostSlots>{}) {
    if (is_this_host(host.name)) peak_ranks = host.slots;
  }
  auto const yield = yield_setting(peak_ranks);
  auto const is_chosen = std::any_of(lines.begin(), lines.end(), [&](std::string const& line) {
    return starts_with_name(line, yield.substr(0, yield.find('=')));
  });
  if (!yield.empty() && !is_chosen) lines.push_back(yield);
  if (LaunchCommand{entry.options.launcher}.shares_slurm_job()) remove_job_requests(lines);
  if (have_same_short_name(slots_.list().hosts)) lines.emplace_back("OMPI_MCA_orte_keep_fqdn_hostnames=1");
  add_session_setting(entry.session_directory, lines);
  if (uses_mpich() && getenv("UCX_ERROR_SIGNALS") == nullptr) lines.emplace_back("UCX_ERROR_SIGNALS=");
  return lines;
}

void LaunchedSource::start(std::shared_ptr<Group> const& group, int peak_ranks, WorkerOptions const& options,
                           Clock::duration limit) {
  auto const id = group->id();
  auto& entry = launches_[id];
  entry.group = group;
  entry.options = options;
  entry.peak_ranks = peak_ranks;
  entry.limit = limit;
  entry.join_file = join_file_path(id);
  try {
    launch(id, entry);
    group->expect(limit);
  } catch (std::exception const& e) {
    port_.post([group, why = text_of(e)] { group->start_failed(why); });
  }
}

void LaunchedSource::launch(std::uint64_t id, Launch& entry) {
  auto const only = counted_.limited ? entry.options.hosts : std::vector<std::string>{};
  LaunchCommand const launcher{entry.options.launcher};
  entry.placement = slots_.take(entry.group->request(), only);
  entry.launcher = launcher.name();
  entry.has_own_job = launcher.makes_slurm_job();
  auto join_info = port_.join_info();
  join_info.group = id;
  join_info.ranks = entry.group->ranks();
  join_info.build_id = program_build_id();
  join_info.output_prefix = entry.options.output_directory;
  join_info.environment.assign(entry.options.environment.begin(), entry.options.environment.end());
  join_info.working_directory = entry.options.working_directory.empty()
                                    ? std::filesystem::current_path().string()
                                    : std::filesystem::absolute(entry.options.working_directory).string();
  bool const is_here = (counted_.limited || !entry.has_own_job) &&
                       std::all_of(entry.placement.begin(), entry.placement.end(),
                                   [](auto const& share) { return is_this_host(share.host); });
  if (is_here) check_directory(join_info.working_directory);
  auto const program = program_to_spawn();
  auto const program_name = std::filesystem::path{program}.filename().string();
  entry.session_directory = make_session_directory(id, is_here);
  auto arguments = program_arguments();
  if (guards_wanted() && arguments.size() > most_launcher_arguments) std::swap(arguments, join_info.arguments);
  unlink(entry.join_file.c_str());
  write_join_info(join_info, entry.join_file);
  LaunchCommand::Filling filling{.ranks = entry.group->ranks(),
                                 .placement = entry.placement,
                                 .resources = resources(entry, program_name),
                                 .exports = {},
                                 .program = {program_name}};
  auto const verbose = is_verbose();
  if (verbose) log_error(fmt::format("group {}: {}", id, to_text(launcher.fill(filling))));
  filling.exports = exported_names(entry.options);
  filling.program = {"env", "FARM_WORKER=launched", "FARM_BIRTH=" + entry.join_file, program};
  if (entry.launcher == "prun" && entry.placement.size() == 1) {
    // prun does not say this to its ranks: see LaunchedAs
    for (auto const* const name : {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"})
      filling.program.insert(filling.program.end() - 1, fmt::format("{}={}", name, entry.group->ranks()));
  }
  for (auto& argument : arguments) filling.program.push_back(std::move(argument));
  // without guards the ranks' output is that of their launcher
  auto const on_lines = [this, id, verbose, queues = entry.has_own_job](std::uint64_t number, std::string_view lines) {
    if (auto const news = queues && number == 2 ? queue_news(lines) : std::nullopt) on_queue_news(id, *news);
    if (!guards_wanted()) {
      port_.print(number, lines);
    } else if (verbose) {
      log_lines(fmt::format("group {}, launcher: ", id), lines);
    }
  };
  entry.process =
      LauncherProcess::start(port_.context(),
                             {.command = launcher.fill(filling),
                              .environment = environment(entry),
                              .ends_with_thread = true,
                              .needs_children = uses_mpich() && entry.launcher.starts_with("mpiexec"),
                              .term_limit = entry.has_own_job ? cancel_limit : LauncherProcess::default_term_limit},
                             on_lines, [this, id] { on_ended(id); });
}

std::vector<std::string> LaunchedSource::resources(Launch const& entry, std::string const& program) const {
  if (entry.has_own_job) return job_options(entry.placement, counted_.limited, program);
  auto options = step_options(slots_.list(), entry.placement, entry.group->request());
  for (auto& option : host_options(entry.placement)) options.push_back(std::move(option));
  return options;
}

/// A group's job may wait in Slurm's queue for days.
void LaunchedSource::on_queue_news(std::uint64_t id, QueueNews const& news) {
  auto const found = launches_.find(id);
  if (found == launches_.end() || !found->second.group) return;
  auto& entry = found->second;
  entry.queued_job = news.waits ? news.job : std::string{};
  if (!news.waits) {
    entry.squeue_timer.reset();
    return entry.group->leave_queue(entry.limit);
  }
  entry.group->wait_in_queue();
  entry.squeue_interval = first_squeue;
  watch_queue(id);
}

void LaunchedSource::watch_queue(std::uint64_t id) {
  auto& entry = launches_.at(id);
  entry.squeue_timer = std::make_shared<asio::steady_timer>(port_.context());
  entry.squeue_timer->expires_after(entry.squeue_interval);
  entry.squeue_interval = std::min<Clock::duration>(2 * entry.squeue_interval, longest_squeue_interval);
  entry.squeue_timer->async_wait([this, id](asio::error_code const& error) {
    if (!error) ask_why_queued(id);
  });
}

/// Slurm also queues jobs that it will never start. Only squeue tells which.
void LaunchedSource::ask_why_queued(std::uint64_t id) {
  auto const found = launches_.find(id);
  if (found == launches_.end() || !found->second.group || found->second.queued_job.empty()) return;
  auto& entry = found->second;
  auto const reason = std::make_shared<std::string>();
  try {
    entry.squeue = LauncherProcess::start(
        port_.context(),
        {.command = {"squeue", "--noheader", "--format=%r", "--jobs=" + entry.queued_job},
         .environment = launcher_environment(),
         .ends_with_thread = true},
        [reason](std::uint64_t number, std::string_view lines) {
          if (number == 1) *reason += lines.substr(0, lines.find('\n'));
        },
        [this, id, reason] { on_queue_reason(id, *reason); });
  } catch (std::exception const& e) {
    log_error(text_of(e));
  }
}

void LaunchedSource::on_queue_reason(std::uint64_t id, std::string const& reason) {
  auto const found = launches_.find(id);
  if (found == launches_.end() || !found->second.group || found->second.queued_job.empty()) return;
  auto& entry = found->second;
  if (waits_for_ever(reason)) {
    // without the job's number: the text is reported once, also if several groups fail so
    return entry.group->launch_failed(fmt::format(
        "no group could be started by Slurm: it would keep a job of {} ranks in its queue for ever ({}); ask for fewer "
        "ranks, or for another partition, account or time limit by SLURM_PARTITION, SLURM_ACCOUNT, SLURM_TIMELIMIT",
        entry.group->ranks(), reason));
  }
  watch_queue(id);  // another reason may follow
  if (reason.empty() || reason == "None" || std::exchange(has_told_of_queue_, true)) return;
  log_error(fmt::format("a group of {} waits in Slurm's queue as job {} ({})", entry.group->ranks(), entry.queued_job,
                        reason));
}

/// Returns why the launcher of the group failed, the cause first.
std::string LaunchedSource::failure_of(Launch const& entry) {
  if (!entry.process) return {};
  auto cause = entry.process->probable_cause();
  auto const end = fmt::format("the launcher {} {}", entry.launcher, entry.process->exit_text());
  if (cause.empty()) return end + " and printed nothing";
  if (cause.starts_with("srun: ")) cause = plain_errors(cause);
  return fmt::format(
      "{} ({}{})", cause, end,
      entry.process->has_said_more() && !is_verbose() ? "; FARM_VERBOSE=1 shows all that it printed" : "");
}

std::string LaunchedSource::captured_output(Group const& group) const {
  auto const found = launches_.find(group.id());
  if (found == launches_.end() || !found->second.process) return {};
  auto const& entry = found->second;
  auto const cause = entry.process->probable_cause();
  return fmt::format("the launcher {} {}{}", entry.launcher, entry.process->exit_text(),
                     cause.empty() ? " and printed nothing" : "; its output: " + cause);
}

bool LaunchedSource::launcher_was_killed(Group const& group) const {
  auto const found = launches_.find(group.id());
  return found != launches_.end() && found->second.process && found->second.process->was_killed();
}

void LaunchedSource::on_ended(std::uint64_t id) {
  auto const found = launches_.find(id);
  if (found == launches_.end()) return;
  auto& entry = found->second;
  if (!entry.group) return forget(id);
  if (entry.group->is_complete()) {
    if (entry.process->was_killed())
      entry.group->launcher_killed(fmt::format("its launcher {} {}", entry.launcher, entry.process->exit_text()));
    return;
  }
  if (try_elsewhere(id, entry)) return;
  bool const by_slurm = entry.has_own_job && !counted_.limited;
  auto const why = failure_of(entry);
  entry.group->launch_failed(by_slurm
                                 ? fmt::format("no group could be started by Slurm: {}", why)
                                 : fmt::format("no group could be started on {}: {}", hosts_of(entry.placement), why));
}

/// If the launcher fails on a host where ranks broke off before, gives up the host and starts the group on others.
bool LaunchedSource::try_elsewhere(std::uint64_t id, Launch& entry) {
  bool suspected = false;
  for (auto const& share : entry.placement) {
    if (!suspects_.contains(share.host)) continue;
    suspected = true;
    lose(share.host, failure_of(entry));
  }
  if (!suspected || !entry.group->awaits_all_ranks() || !refusal(entry.group->request(), entry.options).empty())
    return false;
  slots_.give_back(std::exchange(entry.placement, {}), entry.group->request());
  if (!has_room(entry.group->request(), entry.options)) return false;
  try {
    launch(id, entry);
    return true;
  } catch (std::exception const& e) {
    log_error(text_of(e));
    return false;
  }
}

/// A group whose job waits in Slurm's queue has not begun to start.
bool LaunchedSource::withdraw(Group const& group) {
  auto const found = launches_.find(group.id());
  if (found == launches_.end() || found->second.queued_job.empty() || !group.awaits_all_ranks()) return false;
  auto& entry = found->second;
  unlink(entry.join_file.c_str());
  slots_.give_back(std::exchange(entry.placement, {}), group.request());
  entry.group.reset();
  entry.process->end();
  return true;
}

void LaunchedSource::released(Group const& group) {
  auto const id = group.id();
  auto const found = launches_.find(id);
  if (found == launches_.end()) return;
  auto& entry = found->second;
  unlink(entry.join_file.c_str());
  auto const broken = group.ranks_without_report();
  for (int const rank : broken) {
    auto const host = host_of(entry.placement, group.host(rank));
    if (!host.empty() && !is_this_host(host)) suspects_.insert(host);
  }
  slots_.give_back(std::exchange(entry.placement, {}), group.request());
  bool const left = group.is_complete() && broken.empty();
  entry.group.reset();
  if (!entry.process || entry.process->ended()) return forget(id);
  if (!left) return entry.process->end();
  entry.timer = std::make_shared<asio::steady_timer>(port_.context());
  entry.timer->expires_after(closed_ ? Clock::duration{close_limit} : Clock::duration{linger_limit});
  entry.timer->async_wait([process = entry.process](asio::error_code const& error) {
    if (!error) process->end();
  });
}

void LaunchedSource::forget(std::uint64_t id) {
  if (auto const found = launches_.find(id); found != launches_.end()) {
    remove_session_directory(found->second.session_directory);
    launches_.erase(found);
  }
  if (!launches_.empty() || !closed_) return;
  std::exchange(closed_, nullptr)();
  port_.source_ended();
}

void LaunchedSource::host_lost(Group const& group, int rank) {
  auto const found = launches_.find(group.id());
  if (found == launches_.end()) return;
  auto const host = host_of(found->second.placement, group.host(rank));
  if (!host.empty()) lose(host, "it has not answered for some time (FARM_HEARTBEAT)");
}

void LaunchedSource::lose(std::string const& host, std::string const& why) {
  if (is_this_host(host) || !slots_.lose(host)) return;
  log_error(fmt::format("the host {} is lost, and no more groups are placed there: {}", host, why));
  port_.room_has_changed();
}

void LaunchedSource::take_back(std::vector<Member> /*members*/) {}  // no rank outlives its group

void LaunchedSource::attach(Hello const& /*hello*/, Socket /*socket*/) { throw ProtocolError("its group has ended"); }

void LaunchedSource::close(std::function<void()> done) {
  if (launches_.empty()) return done();
  closed_ = std::move(done);
  for (auto& [id, entry] : launches_) {
    if (entry.timer && entry.timer->expiry() > Clock::now() + close_limit) {
      entry.timer->expires_after(close_limit);
      entry.timer->async_wait([process = entry.process](asio::error_code const& error) {
        if (!error) process->end();
      });
    }
  }
}

}  // namespace farm::detail
