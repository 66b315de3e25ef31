#include "spawn/spawned_source.hpp"

#include "spawn/group.hpp"
#include "spawn/guard.hpp"
#include "spawn/hub.hpp"

#include <farm/code_address.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <utility>

namespace farm::detail {

SpawnedSource::SpawnedSource(Hub& hub, Slots slots)
    : hub_(hub), slots_(std::move(slots)), spawner_(std::make_unique<Spawner>()) {}

SpawnedSource::~SpawnedSource() {
  if (!stuck_.empty()) static_cast<void>(spawner_.release());  // its thread never comes back from MPI and still uses it
}

void SpawnedSource::check(WorkerOptions const& /*options*/) const {
  std::string why;
  if (guards_wanted() && !pmix_available(why)) throw SpawnError(missing_pmix(why));
}

std::string SpawnedSource::refusal(int /*ranks*/, WorkerOptions const& /*options*/) const { return stuck_; }

void SpawnedSource::start(std::shared_ptr<Group> const& group, int crowd, WorkerOptions const& options,
                          Clock::duration limit) {
  taken_ += group->ranks();
  auto birth = hub_.invitation();
  birth.group = group->id();
  birth.build_id = program_build_id();
  birth.output_directory = options.output_directory;
  auto const timer = std::make_shared<asio::steady_timer>(hub_.context());
  spawner_->request({.birth = std::move(birth),
                     .ranks = group->ranks(),
                     .crowd = std::max(crowd, taken_),
                     .options = options,
                     .begun =
                         [this, timer, limit] {
                           hub_.post([this, timer, limit] {
                             timer->expires_after(limit);
                             timer->async_wait([this, timer, limit](asio::error_code const& error) {
                               if (!error) give_up(limit);
                             });
                           });
                         },
                     .ended =
                         [this, group, timer, limit](std::string const& why) {
                           hub_.post([group, timer, limit, why] {
                             timer->cancel();
                             if (why.empty()) {
                               group->expect(limit);
                             } else {
                               group->start_failed(why);
                             }
                           });
                         }});
}

void SpawnedSource::give_up(Clock::duration limit) {
  stuck_ = fmt::format(
      "MPI_Comm_spawn has not come back within {:g} s and cannot be interrupted: no more groups can be started; start "
      "the program again",
      std::chrono::duration<double>(limit).count());
  spawner_->abandon();
  hub_.fail_starting(*this, stuck_);
}

bool SpawnedSource::withdraw(Group const& group) {
  if (!spawner_->withdraw(group.id())) return false;
  taken_ -= group.ranks();
  return true;
}

void SpawnedSource::released(Group const& group) { taken_ -= group.ranks(); }

/// mpiexec either notices that its daemon there is gone, and ends everything, or the next spawn hangs.
void SpawnedSource::host_lost(Group const& group, int rank) {
  if (!stuck_.empty()) return;
  stuck_ = fmt::format(
      "the host {} is lost, and MPI_Comm_spawn does not survive that: no more groups can be started; start the program "
      "again, or with launched groups (FARM_SOURCE=launched), which do",
      group.host(rank));
  spawner_->abandon();
  hub_.fail_starting(*this, stuck_);
}

void SpawnedSource::take_back(std::vector<Member> /*members*/) {}  // none outlives its group

void SpawnedSource::attach(Hello const& /*hello*/, Socket /*socket*/) { throw ProtocolError("its group was given up"); }

}  // namespace farm::detail
