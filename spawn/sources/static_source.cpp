#include "spawn/sources/static_source.hpp"

#include "core/base/host_name.hpp"
#include "spawn/group/group.hpp"
#include "spawn/hosts/hosts.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/rank/worker.hpp"
#include "spawn/resources/host_resources.hpp"
#include "spawn/resources/topology.hpp"
#include "spawn/wire/open_socket.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <asio/local/stream_protocol.hpp>

#include <unistd.h>
#include <algorithm>
#include <limits>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto leave_limit = 10s;

bool is_on(std::string const& host, std::vector<std::string> const& names) {
  return names.empty() ||
         std::any_of(names.begin(), names.end(), [&](std::string const& name) { return is_name_of(name, host); });
}

/// Returns the cores that these processors of the member's host are of.
Cores cores_of(Member const& member, Processors const& processors) {
  if (member.host == host_name()) return Topology::of_this_machine().cores_within(processors);
  auto cores = read_cores(member.cores);
  std::erase_if(cores, [&](Processors const& core) {
    return std::none_of(core.begin(), core.end(),
                        [&](int each) { return std::binary_search(processors.begin(), processors.end(), each); });
  });
  return cores;
}

/// Returns what the member's host has for ranks, of which its launcher has left them these processors.
Capacity capacity_of(Member const& member, Processors const& processors) {
  auto capacity = member.host == host_name() ? capacity_of_this_host() : with_told({});
  if (!told_resources().cores && !processors.empty())
    capacity.cores = std::min<std::int64_t>(capacity.cores.value_or(std::numeric_limits<int>::max()),
                                            static_cast<std::int64_t>(cores_of(member, processors).size()));
  return capacity;
}

/// Returns true if the rank may use so many cores. Its launcher may have bound it to fewer.
bool has_cores(Member const& member, int threads) {
  if (threads <= 1 || member.processors.empty() || told_resources().cores) return true;
  return cores_of(member, member.processors).size() >= static_cast<std::size_t>(threads);
}

}  // namespace

StaticSource::StaticSource(SourcePort& port, int ranks, int own, Slots slots)
    : port_(port), slots_(std::move(slots)), own_(own), expected_(ranks - 1), timer_(port.context()) {
  complete_ = expected_ == 0;
}

void StaticSource::wait_for_all(Clock::duration limit) {
  std::unique_lock lock{mutex_};
  if (all_here_.wait_for(lock, limit, [&] { return complete_; })) return;
  throw SpawnError(
      fmt::format("only some of {} ranks connected within {:g} s: check their output, and whether they can reach "
                  "this host",
                  slots_.total, std::chrono::duration<double>(limit).count()));
}

void StaticSource::attach(Hello const& hello, Socket socket) {
  int const static_rank = hello.rank;
  if (static_rank < 0 || static_rank > slots_.total || static_rank == own_ || free_.contains(static_rank)) {
    throw ProtocolError("no such rank is expected");
  }
  if (hello.build_id != program_build_id()) throw ProtocolError("it runs another build of the program");
  auto& member = coming_[static_rank];
  auto& stream = hello.is_guard ? member.lifeline : member.stream;
  if (stream) throw ProtocolError("its rank is connected already");
  stream = std::make_shared<Stream>(std::move(socket), nullptr, nullptr);
  member.static_rank = static_rank;
  member.guarded = hello.guarded;
  member.pid = hello.pid;
  member.host = hello.host;
  if (!hello.is_guard) {
    member.processors = hello.processors;
    member.cores = hello.cores;
  }
  watch(member);
  if (!hello.is_guard) port_.offer_ring(stream);
  stream->start();
  if (!member.complete()) return;
  add_free(std::move(member));
  coming_.erase(static_rank);
  if (--expected_ > 0) return;
  std::scoped_lock const lock{mutex_};
  complete_ = true;
  all_here_.notify_all();
}

std::vector<HostResources> StaticSource::resources() const {
  std::scoped_lock const lock{mutex_};
  std::vector<HostResources> all;
  for (auto const& [name, host] : hosts_) all.push_back({name, host.capacity});
  return all;
}

void StaticSource::add_free(Member&& member) {
  {
    std::scoped_lock const lock{mutex_};
    auto& host = hosts_[member.host];
    host.processors.insert(member.processors.begin(), member.processors.end());
    host.capacity = capacity_of(member, {host.processors.begin(), host.processors.end()});
  }
  auto const static_rank = member.static_rank;
  free_[static_rank] = std::move(member);
  ++joined_;
}

void StaticSource::check(int /*ranks*/, WorkerOptions const& options) const {
  std::scoped_lock const lock{mutex_};
  for (auto const& name : options.hosts) {
    bool const is_known =
        std::any_of(hosts_.begin(), hosts_.end(), [&](auto const& each) { return is_name_of(name, each.first); });
    if (is_known) continue;
    std::vector<std::string> names;
    for (auto const& each : hosts_) names.push_back(each.first);
    throw UsageError(fmt::format(
        "hosts: {} is not one of the available hosts (the ranks run on {}); start ranks there with mpiexec -host", name,
        fmt::join(names, ", ")));
  }
}

/// Returns how many free ranks run on these hosts, or on any if none is named.
int StaticSource::free_on(std::vector<std::string> const& hosts) const {
  return static_cast<int>(
      std::count_if(free_.begin(), free_.end(), [&](auto const& each) { return is_on(each.second.host, hosts); }));
}

StaticSource::~StaticSource() {
  if (here_.joinable()) here_.join();
}

void StaticSource::serve_here(MPI_Comm self) {
  asio::local::stream_protocol::socket master{port_.context()};
  asio::local::stream_protocol::socket rank{port_.context()};
  open_socket_pair(master, rank);
  here_ = std::thread{[self, socket = Socket{std::move(rank)}]() mutable { serve_in_thread(std::move(socket), self); }};
  port_.post([this, stream = std::make_shared<Stream>(Socket{std::move(master)}, nullptr, nullptr)] {
    Member member;
    member.stream = stream;
    member.guarded = false;
    member.pid = getpid();
    member.host = host_name();
    member.static_rank = own_;
    watch(member);
    stream->start();
    add_free(std::move(member));
    port_.room_has_changed();
  });
}

/// Listens to a rank that belongs to no group.
void StaticSource::watch(Member& member) {
  int const static_rank = member.static_rank;
  if (member.stream) {
    member.stream->set_handlers(
        [](Frame const& /*frame*/) { throw ProtocolError("a rank without a task sends no frames"); },
        [this, static_rank](std::string const& why) { on_closed(static_rank, false, why); });
  }
  if (member.lifeline) {
    member.lifeline->set_handlers(
        [this](Frame const& frame) {
          if (frame.type == FrameType::output) port_.print(frame.id, frame.payload);
        },
        [this, static_rank](std::string const& why) { on_closed(static_rank, true, why); });
  }
}

void StaticSource::on_closed(int static_rank, bool lifeline, std::string const& why) {
  auto const found = free_.find(static_rank);
  if (found == free_.end()) {
    coming_.erase(static_rank);
    return;
  }
  auto& member = found->second;
  (lifeline ? member.lifeline_closed : member.stream_closed) = true;
  if (closed_) return check_closed();
  log_error(fmt::format("rank {} of {} on {} (process {}) ended while it had no task{}{}", static_rank,
                        slots_.total + 1, member.host, member.pid, why.empty() ? "" : ": ", why));
  free_.erase(found);
  port_.room_has_changed();
}

/// Returns free ranks for a group, by their numbers, as many as there are on hosts with room for them.
std::vector<int> StaticSource::choose(Request const& request, WorkerOptions const& options) const {
  std::scoped_lock const lock{mutex_};
  std::vector<int> chosen;
  std::map<std::string, Usage> used;  // with the ranks that are chosen
  Request one = without_named(request);
  one.ranks = 1;
  for (auto const& [number, member] : free_) {
    if (static_cast<int>(chosen.size()) == request.ranks) break;
    if (!is_on(member.host, options.hosts) || !has_cores(member, request.threads)) continue;
    auto const& host = hosts_.at(member.host);
    auto& usage = used.try_emplace(member.host, host.usage).first->second;
    if (!Budget{std::numeric_limits<int>::max(), host.capacity}.fits(one, usage)) continue;
    usage.add(one);
    chosen.push_back(number);
  }
  return chosen;
}

std::string StaticSource::refusal(Request const& request, WorkerOptions const& options) const {
  int const ranks = request.ranks;
  int alive = free_on(options.hosts);
  for (auto const& [group, taken] : taken_) {
    auto const& hosts = taken.hosts;
    alive += static_cast<int>(
        std::count_if(hosts.begin(), hosts.end(), [&](std::string const& host) { return is_on(host, options.hosts); }));
  }
  if (ranks <= alive) return {};
  if (!options.hosts.empty()) {
    return fmt::format("{} ranks serve on {}: no group of {} can be formed there", alive,
                       fmt::join(options.hosts, ", "), ranks);
  }
  return fmt::format(
      "{} of the {} ranks that serve are left: no group of {} can be formed any more; start the "
      "program again",
      alive, slots_.total, ranks);
}

void StaticSource::start(std::shared_ptr<Group> const& group, int /*peak_ranks*/, WorkerOptions const& options,
                         Clock::duration limit) {
  std::vector<Member> members;
  Form form{.group = group->id(),
            .ranks = {},
            .working_directory = options.working_directory,
            .environment = options.environment,
            .output_prefix = options.output_directory};
  auto& taken = taken_[group->id()];
  taken.request = without_named(group->request());
  taken.request.ranks = 1;
  for (int const number : choose(group->request(), options)) {
    auto next = free_.extract(number);
    form.ranks.push_back(number);
    taken.hosts.push_back(next.mapped().host);
    members.push_back(std::move(next.mapped()));
  }
  {
    std::scoped_lock const lock{mutex_};
    for (auto const& host : taken.hosts) hosts_.at(host).usage.add(taken.request);
  }
  group->form(std::move(members), pack(form), limit);
}

bool StaticSource::withdraw(Group const& /*group*/) { return false; }

void StaticSource::released(Group const& group) {
  auto const found = taken_.extract(group.id());
  if (!found) return;
  std::scoped_lock const lock{mutex_};
  for (auto const& host : found.mapped().hosts) hosts_.at(host).usage.subtract(found.mapped().request);
}

void StaticSource::take_back(std::vector<Member> members) {
  for (auto& member : members) {
    watch(member);
    free_[member.static_rank] = std::move(member);
  }
}

void StaticSource::close(std::function<void()> done) {
  closed_ = std::move(done);
  mpi_is_broken_ =
      finalize_waits_for_lost_messages() || (free_.size() < joined_ && !mpi_traits().finalizes_after_deaths);
  for (auto& [static_rank, member] : free_) {
    append_frame(member.stream->output(), FrameType::leave, mpi_is_broken_ ? 1 : 0);
    member.stream->flush();
  }
  timer_.expires_after(leave_limit);
  timer_.async_wait([this](asio::error_code const& error) {
    if (error) return;
    for (auto& [static_rank, member] : free_) {
      if (member.stream_closed) continue;
      log_error(fmt::format("rank {} on {} (process {}) did not leave when it was told to", static_rank, member.host,
                            member.pid));
      end_rank(member);
      member.stream->close();  // the rank counts as gone, even if its guard cannot end it
      member.stream_closed = true;
    }
    check_closed();
  });
  check_closed();
}

void StaticSource::check_closed() {
  if (!std::all_of(free_.begin(), free_.end(), [](auto const& each) { return each.second.stream_closed; })) return;
  timer_.cancel();
  if (auto const done = std::exchange(closed_, [] {})) done();
  if (ended()) port_.source_ended();
}

bool StaticSource::ended() const {
  return std::all_of(free_.begin(), free_.end(), [](auto const& each) {
    Member const& member = each.second;
    return member.stream_closed && (!member.lifeline || member.lifeline_closed);
  });
}

}  // namespace farm::detail
