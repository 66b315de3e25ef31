#include "spawn/hub.hpp"

#include "spawn/worker.hpp"

#include <farm/error.hpp>
#include <farm/log.hpp>

#include <fmt/format.h>

#include <sched.h>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// After something happened the next is looked for rather than waited for, since being woken takes longer (45 us in a
/// virtual machine) than most answers to small tasks.
constexpr auto spin_time = 50us;

std::atomic<Hub*> the_hub{nullptr};

}  // namespace

Hub::Hub(Slots slots)
    : slots_(std::move(slots)),
      listener_(context_, [this](Hello const& hello, Socket socket) { attach(hello, std::move(socket)); }),
      spawner_(std::make_unique<Spawner>()),
      thread_([this] { run(); }) {
  the_hub = this;
}

Hub::~Hub() {
  if (thread_.joinable()) static_cast<void>(stop());
}

bool Hub::stop() {
  the_hub = nullptr;
  post([this] { stop_when_empty(); });
  thread_.join();
  bool const stuck = !stuck_.empty();
  if (stuck) static_cast<void>(spawner_.release());  // its thread never comes back from MPI and still uses it
  spawner_.reset();
  return !stuck;
}

void Hub::stop_when_empty() {
  stopping_ = true;
  if (groups_.empty()) context_.stop();
}

Hub& Hub::instance() {
  if (is_rank_process()) throw UsageError("a rank cannot make a pool or an executor: only the master can");
  Hub* const hub = the_hub;
  if (hub == nullptr)
    throw UsageError("there is no farm::Runtime: make one at the start of main, before any pool or executor");
  return *hub;
}

void Hub::run() {
  for (;;) {
    std::size_t handled = context_.run_one();  // sleeps
    if (context_.stopped()) return;
    auto last = Clock::now();
    do {
      handled = context_.poll();
      flush();
      if (context_.stopped()) return;
      if (handled != 0) {
        last = Clock::now();
      } else {
        sched_yield();
      }
    } while (Clock::now() - last < spin_time);
  }
}

void Hub::flush() {
  if (unflushed_.empty()) return;
  auto const streams = std::exchange(unflushed_, {});
  for (auto const& stream : streams) stream->flush();
}

void Hub::print(std::uint64_t number, std::string_view lines) {
  auto* const file = number == 1 ? stdout : stderr;
  std::fwrite(lines.data(), 1, lines.size(), file);
  if (!lines.ends_with('\n')) std::fputc('\n', file);
  std::fflush(file);
}

void Hub::attach(Hello const& hello, Socket socket) {
  auto const found = groups_.find(hello.group);
  if (found == groups_.end()) throw ProtocolError("its group was given up");
  auto const group = found->second.group;
  group->attach(hello, std::move(socket));
}

std::shared_ptr<Group> Hub::start_group(int ranks, int crowd, WorkerOptions const& options, Clock::duration limit,
                                        GroupOwner& owner) {
  auto group = std::make_shared<Group>(*this, next_group_++, ranks, owner);
  groups_[group->id()].group = group;
  waiting_.push_back({group, crowd, options, limit});
  post([this] { serve_waiting(); });
  return group;
}

bool Hub::withdraw(Group& group) {
  auto const id = group.id();
  bool const gone = waiting_.remove_if([&](Waiting const& waiting) { return waiting.group->id() == id; }) != 0 ||
                    spawner_->withdraw(id);
  if (gone) forget(id);
  return gone;
}

void Hub::forget(std::uint64_t id) {
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  if (found->second.has_slots) slots_taken_ -= found->second.group->ranks();
  groups_.erase(found);
  if (stopping_) return stop_when_empty();
  post([this] { serve_waiting(); });
}

void Hub::serve_waiting() {
  while (!waiting_.empty()) {
    auto const& first = waiting_.front();
    if (slots_.limited && slots_taken_ + first.group->ranks() > slots_.total) break;
    auto const next = waiting_.front();
    waiting_.pop_front();
    auto const known = groups_.find(next.group->id());
    if (known == groups_.end()) continue;  // ended meanwhile
    slots_taken_ += next.group->ranks();
    known->second.has_slots = true;
    spawn(next);
  }
  for (auto* const tenant : tenants_) tenant->others_wait(!waiting_.empty());
}

void Hub::spawn(Waiting const& waiting) {
  auto const group = waiting.group;
  if (!stuck_.empty()) {
    post([group, why = stuck_] { group->start_failed(why); });
    return;
  }
  auto birth = listener_.invitation();
  birth.group = group->id();
  birth.build_id = program_build_id();
  birth.output_directory = waiting.options.output_directory;
  auto const timer = std::make_shared<asio::steady_timer>(context_);
  auto const limit = waiting.limit;
  spawner_->request(
      {.birth = std::move(birth),
       .ranks = group->ranks(),
       .crowd = std::max(waiting.crowd, slots_taken_),
       .options = waiting.options,
       .begun =
           [this, group, timer, limit] {
             post([this, group, timer, limit] {
               timer->expires_after(limit);
               timer->async_wait([this, group, limit](asio::error_code const& error) {
                 if (error) return;
                 stuck_ = fmt::format(
                     "MPI_Comm_spawn has not come back within {:g} s and cannot be interrupted: no more groups can be "
                     "started; start the program again",
                     std::chrono::duration<double>(limit).count());
                 spawner_->abandon();
                 for (auto const& [id, each] : std::unordered_map{groups_}) each.group->start_failed(stuck_);
               });
             });
           },
       .ended =
           [this, group, timer, limit](std::string const& why) {
             post([group, timer, limit, why] {
               timer->cancel();
               if (why.empty()) {
                 group->expect(limit);
               } else {
                 group->start_failed(why);
               }
             });
           }});
}

}  // namespace farm::detail
