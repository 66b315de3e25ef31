// The part of the engine that takes groups over from an earlier master, and leaves its own to the next one.
#include "core/text/exception_text.hpp"
#include "spawn/engine/engine_core.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/succession/launch_record.hpp"
#include "spawn/succession/next_master.hpp"
#include "spawn/succession/reports.hpp"

#include <farm/detail/log.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto look_again_after = 50ms;
/// The guards of a group whose launcher has ended come so soon, or never.
constexpr auto orphan_limit = 2s;
/// After that no group is waited for.
constexpr auto return_limit = 15s;

/// Returns the number that is the name of a group's directory; none if it is no such name.
std::optional<std::uint64_t> group_number(std::string const& name) {
  std::uint64_t number = 0;
  auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return number;
}

/// Adds the groups that have a directory, but whose records the last master has not kept before it died. Returns the
/// highest number of all.
std::uint64_t add_traces(fs::path const& directory, std::vector<GroupRecord>& records) {
  std::uint64_t highest = 0;
  for (auto const& record : records) highest = std::max(highest, record.group);
  std::error_code error;
  for (fs::directory_iterator entry{directory, error}, end; !error && entry != end; entry.increment(error)) {
    auto const number = group_number(entry->path().filename().string());
    if (!number) continue;
    highest = std::max(highest, *number);
    bool const is_known =
        std::any_of(records.begin(), records.end(), [&](auto const& each) { return each.group == *number; });
    std::ifstream file{entry->path() / "record"};
    if (is_known || !file) continue;
    records.push_back({*number, std::string{std::istreambuf_iterator<char>{file}, {}}});
  }
  return highest;
}

std::vector<GuardReport> reports_of(Group const& group) {
  std::vector<GuardReport> reports;
  for (int rank = 0; rank < group.ranks(); ++rank) reports.push_back(*group.member(rank).report);
  return reports;
}

}  // namespace

StatePtr EngineCore::prepare(TaskPtr task) {
  StatePtr state{task};
  trace_.submitting(*task);
  trace_.submitted(*task);
  return state;
}

void EngineCore::take_over(std::vector<GroupRecord> records, FindTasks find, OnResolved resolved) {
  hub_.post([self = shared_from_this(), records = std::move(records), find = std::move(find),
             resolved = std::move(resolved)]() mutable {
    if (!self->holds_tasks_ || self->take_over_) return resolved({});
    self->take_over_ = std::make_unique<TakeOver>(
        TakeOver{.find = std::move(find), .resolved = std::move(resolved), .began = Clock::now()});
    self->begin_take_over(std::move(records));
  });
}

void EngineCore::begin_take_over(std::vector<GroupRecord> records) {
  auto const& directory = options_.outlive->directory;
  Hub::number_groups_after(add_traces(directory, records));
  for (auto const& record : records) restore_group(record);
  try {
    hub_.publish_as_master();
  } catch (std::exception const& e) {
    log_error(fmt::format("groups of an earlier server cannot be taken over: {}", text_of(e)));
    for (auto const id : std::vector{take_over_->awaited}) give_up_group(id, "it cannot be told where this server is");
  }
  look_for_groups();
}

void EngineCore::restore_group(GroupRecord const& record) {
  auto const id = record.group;
  try {
    auto const launch = read_launch_record(record.details);
    auto group = hub_.restore_group(id, launch, options_.max_ranks, options_.workers, *this, this);
    scheduler_.expect_group(launch.request);
    trace_.starting(*group);
    groups_[id] = std::move(group);
    take_over_->awaited.push_back(id);
    keep_alive_ = shared_from_this();
  } catch (std::exception const& e) {
    log_error(fmt::format("group {} of an earlier server cannot be taken over: {}", id, text_of(e)));
    if (auto const& tell = options_.outlive->on_group_gone) tell(id);
  }
}

void EngineCore::look_for_groups() {
  if (!take_over_ || take_over_->decided) return;
  for (auto const id : std::vector{take_over_->awaited}) {
    if (auto const why = why_not_coming(id); !why.empty()) give_up_group(id, why);
  }
  if (!take_over_) return;
  if (take_over_->awaited.empty()) return claim_tasks();
  take_over_timer_.expires_after(look_again_after);
  take_over_timer_.async_wait([weak = weak_from_this()](asio::error_code const& error) {
    auto const self = weak.lock();
    if (!error && self) self->look_for_groups();
  });
}

/// Returns why a group is waited for no more; empty if it is.
std::string EngineCore::why_not_coming(GroupId id) const {
  auto const found = groups_.find(id);
  if (found == groups_.end()) return "it has ended";
  auto const waited = Clock::now() - take_over_->began;
  if (hub_.launcher_has_ended(*found->second)) {
    bool const has_traces = fs::exists(group_directory(options_.outlive->directory, id));
    if (!has_traces || waited > orphan_limit) return "it has ended while there was no server";
  }
  return waited > return_limit ? fmt::format("not all of its ranks have come back within {} s", return_limit.count())
                               : std::string{};
}

bool EngineCore::is_taken_over(GroupId id) const {
  if (!take_over_) return false;
  auto const has = [&](std::vector<GroupId> const& list) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  return has(take_over_->awaited) || has(take_over_->returned);
}

/// The group does not go on; its tasks run again.
void EngineCore::give_up_group(GroupId id, std::string const& why) {
  std::erase(take_over_->awaited, id);
  std::erase(take_over_->returned, id);
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  auto const group = found->second;
  log_error(fmt::format("group {} of an earlier server is not taken over: {}", id, why));
  trace_.start_failed(id, why);
  failed_starts_.push_back(id);
  scheduler_.not_inherited(group->request());
  group->end();
  watch_clock();
}

void EngineCore::on_returned(Group& group) {
  if (!take_over_ || std::erase(take_over_->awaited, group.id()) == 0) return;
  take_over_->returned.push_back(group.id());
  hub_.post([self = shared_from_this()] { self->look_for_groups(); });
}

/// All groups have come that will come. Of several attempts at one task, the latest counts.
void EngineCore::claim_tasks() {
  auto& state = *take_over_;
  state.decided = true;
  struct Latest {
    TaskClaim claim;
    std::uint64_t number = 0;
  };
  std::map<std::uint64_t, Latest> latest;
  for (auto const id : std::vector{state.returned}) {
    auto const& group = *groups_.at(id);
    auto inheritance = inheritance_of(reports_of(group));
    state.last_id = std::max(state.last_id, inheritance.last_id);
    if (group.is_foreign()) inheritance.disagreement = "it was started by another build of the program";
    bool const is_lost = !inheritance.disagreement.empty();
    if (is_lost) give_up_group(id, inheritance.disagreement + "; its tasks run again");
    for (auto const& [task, answered, seconds] : inheritance.tasks) {
      if (task.tag == 0) continue;
      auto& known = latest[task.tag];
      if (known.claim.attempt >= task.attempt) continue;
      known = {{.tag = task.tag, .attempt = task.attempt, .group = id, .answered = answered, .lost = is_lost},
               task.index};
    }
  }
  for (auto const& [tag, each] : latest) {
    state.claims.push_back(each.claim);
    state.claimed.emplace_back(each.claim.group, each.number);
  }
  if (state.claims.empty()) return inherit_groups({});
  state.find(state.claims, [self = shared_from_this()](std::vector<StatePtr> states) {
    self->hub_.post([self, states = std::move(states)] { self->inherit_groups(states); });
  });
}

void EngineCore::inherit_groups(std::vector<StatePtr> const& states) {
  if (!take_over_) return;
  auto& state = *take_over_;
  std::unordered_map<GroupId, std::unordered_map<std::uint64_t, TaskPtr>> wanted;
  for (std::size_t i = 0; i < state.claims.size(); ++i) {
    auto* const task = i < states.size() ? dynamic_cast<Task*>(states[i].get()) : nullptr;
    if (task == nullptr) continue;
    auto const [id, number] = state.claimed[i];
    auto const& claim = state.claims[i];
    task->make_rare().tag = claim.tag;
    task->make_rare().earlier_attempts = claim.attempt - 1;
    auto const found = groups_.find(id);
    if (found != groups_.end() && found->second->is_returning() && found->second->ranks() == task->ranks) {
      wanted[id][number] = TaskPtr{task};
      continue;
    }
    task->make_rare().earlier_attempts = claim.attempt;  // the group has ended meanwhile
    task->id = ++state.last_id;
    scheduler_.submit(TaskPtr{task});
  }
  auto const groups = std::exchange(state.returned, {});
  std::vector<GroupId> taken_over;
  for (auto const id : groups) {
    auto const found = groups_.find(id);
    if (found == groups_.end() || !found->second->is_returning()) continue;
    inherit_group(*found->second, std::move(wanted[id]));
    taken_over.push_back(id);
  }
  end_take_over(taken_over);
}

void EngineCore::inherit_group(Group& group, std::unordered_map<std::uint64_t, TaskPtr> wanted) {
  auto const inheritance = inheritance_of(reports_of(group));
  std::vector<Scheduler::Inherited> tasks;
  std::vector<std::uint32_t> dropped;
  for (auto const& [task, answered, seconds] : inheritance.tasks) {
    auto const found = wanted.find(task.index);
    if (found == wanted.end()) dropped.push_back(static_cast<std::uint32_t>(task.index));
    tasks.push_back(
        {.task = found != wanted.end() ? std::move(found->second) : TaskPtr{},
         .id = task.id,
         .number = task.index,
         .ran_before = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))});
  }
  hub_.restore_resources(group);
  trace_.ready(group);
  scheduler_.inherit(group.id(), group.request(), std::move(tasks), inheritance.first, inheritance.begin_to,
                     inheritance.masters);
  replay_answers(group, inheritance.first);
  group.resume(inheritance.begin_to);
  group.confirm(dropped);
}

/// Handles the answers that the guards have told, as if they came from the ranks now.
void EngineCore::replay_answers(Group& group, std::uint64_t first) {
  try {
    for (int rank = 0; rank < group.ranks(); ++rank) {
      for (auto const& answer : group.member(rank).report->log.answers) {
        if (answer.task.index < first) continue;
        std::string_view rest = answer.frames;
        while (auto const frame = next_frame(rest)) {
          if (frame->type == FrameType::staged) {
            on_staged(group, *frame);
          } else if (frame->type == FrameType::value || frame->type == FrameType::error) {
            on_answer(group, rank, *frame);
          }
        }
      }
    }
  } catch (std::exception const& e) {  // the rank has damaged its memory
    log_error(fmt::format("group {} tells answers that make no sense, and is ended: {}", group.id(), text_of(e)));
    scheduler_.group_lost(group.id(), text_of(e));
  }
}

/// Tasks start from now on. Groups that have not been taken over are ended.
void EngineCore::end_take_over(std::vector<GroupId> const& groups) {
  if (!std::exchange(holds_tasks_, false) || !take_over_) return;
  for (auto const id : std::vector{take_over_->awaited}) give_up_group(id, "the server ends");
  for (auto const id : std::vector{take_over_->returned}) give_up_group(id, "the server ends");
  inbox_->number_from(take_over_->last_id + 1);
  if (auto* const run = current_stage_run(); run != nullptr && groups_.empty()) run->remove_strays();
  auto const resolved = std::move(take_over_->resolved);
  take_over_.reset();
  take_inbox();
  watch_clock();
  resolved(groups);
}

void EngineCore::confirm(std::vector<StatePtr> tasks) {
  if (!outlives_) return;
  hub_.post([self = shared_from_this(), tasks = std::move(tasks)] {
    std::unordered_map<GroupId, std::vector<std::uint32_t>> numbers;
    for (auto const& state : tasks) {
      auto const* const task = dynamic_cast<Task const*>(state.get());
      if (task == nullptr || !task->rare || task->rare->group == 0) continue;
      numbers[task->rare->group].push_back(static_cast<std::uint32_t>(task->rare->number));
    }
    for (auto const& [id, list] : numbers) {
      if (auto const found = self->groups_.find(id); found != self->groups_.end()) found->second->confirm(list);
    }
  });
}

void EngineCore::answer_is_superseded(GroupId group, std::uint64_t number) {
  if (!outlives_) return;
  if (auto const found = groups_.find(group); found != groups_.end())
    found->second->confirm({static_cast<std::uint32_t>(number)});
}

}  // namespace farm::detail
