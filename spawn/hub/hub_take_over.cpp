// The part of the hub that takes groups over from an earlier master, and leaves its own to the next one.
#include "core/base/host_name.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/requests/thread_count.hpp"
#include "spawn/resources/host_resources.hpp"
#include "spawn/resources/topology.hpp"
#include "spawn/succession/next_master.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>

namespace farm::detail {

void Hub::leave_groups_to_next_master(Outlive const& outlive) {
  std::promise<void> done;
  run_on_thread([&] {
    outlive_ = outlive;
    listener_.set_key(outlive.key);
    done.set_value();
  });
  done.get_future().get();
}

void Hub::number_groups_after(std::uint64_t group) {
  auto next = next_group.load();
  while (next <= group && !next_group.compare_exchange_weak(next, group + 1)) continue;
}

std::shared_ptr<Group> Hub::restore_group(std::uint64_t id, LaunchRecord const& record, int peak_ranks,
                                          WorkerOptions const& options, GroupOwner& owner, HubClient* client) {
  auto group = std::make_shared<Group>(static_cast<GroupPort&>(*this), id, record.request, owner);
  auto& source = this->source(Source::launched);
  group->expect_return();
  source.restore(group, options, record);
  groups_[id] = {.group = group,
                 .source = &source,
                 .client = client,
                 .peak_ranks = peak_ranks,
                 .options = options,
                 .limit = {},
                 .started = true};
  named_taken_.add(record.request);
  return group;
}

std::vector<RankPlace> Hub::places_of(Group const& group) const {
  std::vector<RankPlace> places;
  for (int rank = 0; rank < group.ranks(); ++rank) {
    auto const& member = group.member(rank);
    places.push_back({.host = member.host,
                      .is_here = member.host == host_name(),
                      .allowed = member.processors,
                      .cores = read_cores(member.cores)});
  }
  return places;
}

void Hub::restore_resources(Group const& group) {
  auto const& entry = groups_.at(group.id());
  bool const binds = farm::detail::binds(entry.options);
  if (!binds && group.request().gpus == 0) return;
  std::vector<std::vector<int>> devices;
  for (int rank = 0; rank < group.ranks(); ++rank) {
    auto const& report = group.member(rank).report;
    devices.push_back(report ? report->log.devices : std::vector<int>{});
  }
  assigner_.restore(group.id(), group.request(), places_of(group), devices, binds);
}

bool Hub::launcher_has_ended(Group const& group) const {
  auto const found = groups_.find(group.id());
  return found == groups_.end() || found->second.source->launcher_has_ended(group);
}

void Hub::publish_as_master() {
  is_published_ = true;
  publish_master(outlive_->directory, join_info());
}

/// A process of a group that is not wanted any more: its guard is told to end it. Before this is the master for all to
/// see, it may be one of a group that is wanted, and comes again.
void Hub::refuse_return(Hello const& hello, Socket socket) {
  if (!is_published_ || !hello.is_guard) return;
  log_error(fmt::format("group {} has come back too late, and is ended: process {} on {}", hello.group, hello.pid,
                        hello.host));
  auto const stream = std::make_shared<Stream>(
      std::move(socket), [](Frame const&) {}, [](std::string const&) {});
  append_frame(stream->output(), FrameType::end);
  stream->start();  // its operations keep it until the guard has gone
  stream->flush();
}

}  // namespace farm::detail
