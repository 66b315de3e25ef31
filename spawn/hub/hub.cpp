#include "spawn/hub/hub.hpp"

#include "core/base/host_name.hpp"
#include "spawn/hosts/hosts.hpp"
#include "spawn/platform/print_output.hpp"
#include "spawn/platform/process_role.hpp"
#include "spawn/requests/thread_count.hpp"
#include "spawn/resources/host_resources.hpp"
#include "spawn/sources/launched_source.hpp"
#include "spawn/sources/source_choice.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <limits>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// The time that the ranks' processes have to end after close(). What they print meanwhile is still passed on.
constexpr auto stop_limit = 5s;

std::atomic<Hub*> the_hub{nullptr};

}  // namespace

Hub::Hub()
    : loop_(std::make_shared<SharedLoop>([this] { flush_list_.flush(); }, &rings_)),
      listener_(context(), [this](Hello const& hello, Socket socket) { attach(hello, std::move(socket)); }),
      named_(std::numeric_limits<int>::max(), {.named = told_resources().named}),
      thread_([this] { loop_->run(); }) {
  add_wait_helper(loop_);
}

Hub::~Hub() {
  if (!thread_.joinable()) return;
  if (!sources_.empty()) static_cast<void>(close());
  stop();
}

void Hub::set_source(std::unique_ptr<GroupSource> source) {
  std::promise<void> done;
  post([&] {
    std::scoped_lock const lock{sources_mutex_};
    sources_.push_back(std::move(source));
    done.set_value();
  });
  done.get_future().wait();
}

GroupSource& Hub::source(Source which) {
  {
    std::scoped_lock const lock{sources_mutex_};
    for (auto const& source : sources_) {
      if (which == Source::automatic || source->kind() == which) return *source;
    }
  }
  if (which != Source::launched) {
    throw UsageError(fmt::format("this run has no {} groups: start the program {}", name_of(which),
                                 which == Source::spawned ? "as one process, and without FARM_SOURCE=launched"
                                                          : "with all its ranks, as by mpiexec -n 17"));
  }
  std::promise<GroupSource*> made;
  run_on_thread([&] {
    for (auto const& source : sources_) {
      if (source->kind() == which) return made.set_value(source.get());
    }
    try {
      auto source = std::make_unique<LaunchedSource>(source_port());
      std::scoped_lock const lock{sources_mutex_};
      made.set_value(sources_.emplace_back(std::move(source)).get());
    } catch (...) {
      made.set_exception(std::current_exception());
    }
  });
  return *made.get_future().get();
}

void Hub::open_to_network() {
  std::promise<void> done;
  run_on_thread([&] {
    try {
      listener_.open_to_network();
      done.set_value();
    } catch (...) {
      done.set_exception(std::current_exception());
    }
  });
  done.get_future().get();
}

bool Hub::close() {
  std::promise<void> done;
  post([this, &done] {
    if (closed_) return done.set_value();
    on_closed_ = [&done] { done.set_value(); };
    close_when_empty();
  });
  done.get_future().wait();
  return std::none_of(sources_.begin(), sources_.end(), [](auto const& source) { return source->stuck(); });
}

void Hub::close_when_empty() {
  if (!groups_.empty() || closed_) return;
  closed_ = true;
  close_source(0);
}

void Hub::close_source(std::size_t which) {
  if (which == sources_.size()) return on_closed_();
  sources_[which]->close([this, which] { close_source(which + 1); });
}

bool Hub::sources_ended() const {
  return std::all_of(sources_.begin(), sources_.end(), [](auto const& source) { return source->ended(); });
}

void Hub::stop() {
  post([this] {
    stopping_ = true;
    if (sources_ended()) return context().stop();
    stop_timer_.expires_after(stop_limit);
    stop_timer_.async_wait([this](asio::error_code const& error) {
      if (!error) context().stop();
    });
  });
  thread_.join();
  rings_.clear();
  sources_.clear();
}

void Hub::source_ended() {
  if (stopping_ && sources_ended()) context().stop();
}

JoinInfo Hub::join_info() const {
  auto join_info = listener_.join_info();
  if (auto const* const run = current_stage_run()) join_info.stage_directory = run->directory().string();
  return join_info;
}

bool Hub::exists() { return the_hub != nullptr; }

void Hub::set_instance(Hub* hub) { the_hub = hub; }

Hub& Hub::instance() {
  if (is_rank_process()) throw UsageError("a rank cannot make a pool or an executor: only the master can");
  Hub* const hub = the_hub;
  if (hub == nullptr) {
    throw UsageError(
        "there is no farm::Runtime whose ranks serve: make one at the start of main, before any pool or executor; "
        "if all ranks take part, use MPICommExecutor, MPIExecutor or MPIPool");
  }
  return *hub;
}

void Hub::print(std::uint64_t stream, std::string_view lines) {
  print_output(stream, lines);
  if (!lines.ends_with('\n')) print_output(stream, "\n");
}

void Hub::attach(Hello const& hello, Socket socket) {
  auto const found = groups_.find(hello.group);
  if (found != groups_.end()) {
    auto const group = found->second.group;
    group->attach(hello, std::move(socket));
  } else {
    sources_.front()->attach(hello, std::move(socket));
  }
}

std::shared_ptr<Group> Hub::start_group(Request const& request, int peak_ranks, WorkerOptions const& options,
                                        Clock::duration limit, GroupOwner& owner, HubClient* client) {
  auto group = std::make_shared<Group>(static_cast<GroupPort&>(*this), next_group++, request, owner);
  auto* chosen = &source(options.source);
  if (chosen->is_to_be_replaced() && options.source == Source::automatic) chosen = &source(Source::launched);
  groups_[group->id()] = {
      .group = group, .source = chosen, .client = client, .peak_ranks = peak_ranks, .options = options, .limit = limit};
  waiting_.push_back(group->id());
  add_thread_count(groups_[group->id()].options, request);
  post([this] { serve_waiting(); });
  return group;
}

void Hub::add_client(HubClient& client) {
  clients_.push_back(&client);
  if (interrupted_) client.interrupted(interrupted_);
}

void Hub::interrupt(std::exception_ptr const& error) {
  interrupted_ = error;
  for (auto* const client : std::list{clients_}) client->interrupted(error);
}

bool Hub::withdraw(Group& group) {
  auto const id = group.id();
  bool const was_waiting = waiting_.remove(id) != 0;
  if (!was_waiting && !groups_.at(id).source->withdraw(group)) return false;
  if (!was_waiting) named_taken_.subtract(group.request());
  groups_.erase(id);
  group_has_gone();
  return true;
}

void Hub::forget(std::uint64_t id) {
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  if (found->second.started) {
    found->second.source->released(*found->second.group);
    named_taken_.subtract(found->second.group->request());
  }
  groups_.erase(found);
  for (auto const& each : assigner_.release(id)) groups_.at(each.group).group->assign(each.rank, each.assignment);
  group_has_gone();
}

void Hub::group_has_gone() {
  if (on_closed_) return close_when_empty();
  room_has_changed();
}

void Hub::room_has_changed() {
  post([this] { serve_waiting(); });
}

void Hub::fail_starting(GroupSource const& source, std::string const& why) {
  for (auto const& [id, entry] : std::unordered_map{groups_}) {
    if (entry.source == &source) entry.group->start_failed(why);
  }
}

void Hub::stop_starting(GroupSource& source, std::uint64_t begun, std::string const& why) {
  for (auto& [id, entry] : groups_) {
    if (entry.source != &source || !entry.group->is_waiting()) continue;
    if (id != begun && entry.options.source == Source::automatic) {
      entry.source = &this->source(Source::launched);
      if (!std::exchange(entry.started, false)) continue;
      source.released(*entry.group);
      named_taken_.subtract(entry.group->request());
      waiting_.push_back(id);
    } else {
      post([group = entry.group, why] { group->start_failed(why); });
    }
  }
  room_has_changed();
}

bool Hub::launcher_was_killed(Group const& group) {
  auto const found = groups_.find(group.id());
  return found != groups_.end() && found->second.source->launcher_was_killed(group);
}

std::string Hub::captured_output(Group const& group) {
  auto const found = groups_.find(group.id());
  return found != groups_.end() ? found->second.source->captured_output(group) : std::string{};
}

void Hub::take_back(Group const& group, std::vector<Member> members) {
  groups_.at(group.id()).source->take_back(std::move(members));
}

void Hub::host_lost(std::string const& host) {
  for (auto const& [id, entry] : std::unordered_map{groups_}) {
    auto const rank = entry.group->rank_on(host);
    if (!rank) continue;
    if (entry.started) entry.source->host_lost(*entry.group, *rank);
    entry.group->lose_host(host);
  }
}

void Hub::serve_waiting() {
  std::vector<GroupSource const*> full;  // sources whose room the first group that waits for it is to have
  bool named_are_awaited = false;        // likewise, of the named resources
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    auto const found = groups_.find(*it);
    if (found == groups_.end()) {  // ended meanwhile
      it = waiting_.erase(it);
      continue;
    }
    auto& entry = found->second;
    auto const group = entry.group;
    auto& source = *entry.source;
    auto const& request = group->request();
    auto const why = source.refusal(request, entry.options);
    bool const is_full = std::find(full.begin(), full.end(), &source) != full.end();
    if (why.empty() && !request.named.empty() && (named_are_awaited || !named_.fits(request, named_taken_))) {
      named_are_awaited = true;
      ++it;
      continue;
    }
    if (why.empty() && (is_full || !source.has_room(request, entry.options))) {
      if (!is_full) full.push_back(&source);
      ++it;
      continue;
    }
    it = waiting_.erase(it);
    if (!why.empty()) {
      group->start_failed(why);
      it = waiting_.begin();  // the owner may have changed the list
    } else {
      entry.started = true;
      named_taken_.add(request);
      source.start(group, entry.peak_ranks, entry.options, entry.limit);
    }
  }
  tell_clients();
}

std::vector<Assignment> Hub::assign(Group const& group) {
  auto const found = groups_.find(group.id());
  if (found == groups_.end()) return {};
  auto const& entry = found->second;
  Assigner::Options options{.binds = binds(entry.options)};
  if (!options.binds && group.request().gpus == 0) return {};
  auto const hosts = entry.source->launcher_gives_devices() ? std::vector<HostResources>{} : entry.source->resources();
  std::vector<RankPlace> places;
  for (int rank = 0; rank < group.ranks(); ++rank) {
    auto const& member = group.member(rank);
    if (group.request().gpus > 0 && !hosts.empty() && !options.devices.contains(member.host)) {
      auto const host = std::find_if(hosts.begin(), hosts.end(),
                                     [&](HostResources const& each) { return is_name_of(each.name, member.host); });
      auto const& what = host != hosts.end() ? *host : hosts.front();  // mpiexec's hosts are taken to be alike
      options.devices[member.host] = static_cast<int>(what.capacity.gpus);
    }
    places.push_back({.host = member.host,
                      .is_here = member.host == host_name(),
                      .allowed = member.processors,
                      .cores = read_cores(member.cores)});
  }
  return assigner_.assign(group.id(), group.request(), std::move(places), options);
}

/// A client may withdraw groups, and leave, when it is told.
void Hub::tell_clients() {
  for (auto* const client : std::list{clients_}) client->others_wait(another_waits(*client));
  for (auto const id : std::list{waiting_}) {
    auto const found = groups_.find(id);
    if (found == groups_.end() || found->second.client == nullptr) continue;
    auto const group = found->second.group;
    auto& client = *found->second.client;
    if (has_all_room(client, *found->second.source)) client.waits_for_own_groups(*group);
  }
}

bool Hub::another_waits(HubClient const& client) const {
  return std::any_of(waiting_.begin(), waiting_.end(), [&](std::uint64_t id) {
    auto const found = groups_.find(id);
    return found != groups_.end() && found->second.client != &client;
  });
}

/// Returns true if no other client has, or waits for, a group of this source, and no group is about to make room.
bool Hub::has_all_room(HubClient const& client, GroupSource const& source) const {
  return std::all_of(groups_.begin(), groups_.end(), [&](auto const& each) {
    return each.second.source != &source || (each.second.client == &client && !each.second.group->is_leaving());
  });
}

}  // namespace farm::detail
