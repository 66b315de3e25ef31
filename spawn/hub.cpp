#include "spawn/hub.hpp"

#include "spawn/worker.hpp"

#include <farm/error.hpp>
#include <farm/log.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <sched.h>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <future>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// After something happened the next is looked for rather than waited for, since being woken takes longer (45 us in a
/// virtual machine) than most answers to small tasks.
constexpr auto spin_time = 50us;

/// From the end of the work to that of the ranks' processes, whose last words are waited for.
constexpr auto stop_limit = 5s;

std::atomic<Hub*> the_hub{nullptr};

}  // namespace

Hub::Hub()
    : listener_(context_, [this](Hello const& hello, Socket socket) { attach(hello, std::move(socket)); }),
      thread_([this] { run(); }) {}

Hub::~Hub() {
  if (!thread_.joinable()) return;
  if (source_) static_cast<void>(close());
  stop();
}

void Hub::set_source(std::unique_ptr<GroupSource> source) {
  std::promise<void> done;
  post([&] {
    source_ = std::move(source);
    done.set_value();
  });
  done.get_future().wait();
}

bool Hub::close() {
  std::promise<void> done;
  post([this, &done] {
    if (closed_) return done.set_value();
    on_closed_ = [&done] { done.set_value(); };
    close_when_empty();
  });
  done.get_future().wait();
  return !source_->stuck();
}

void Hub::close_when_empty() {
  if (!groups_.empty() || closed_) return;
  closed_ = true;
  source_->close([this] { on_closed_(); });
}

void Hub::stop() {
  post([this] {
    stopping_ = true;
    if (!source_ || source_->ended()) return context_.stop();
    stop_timer_.expires_after(stop_limit);
    stop_timer_.async_wait([this](asio::error_code const& error) {
      if (!error) context_.stop();
    });
  });
  thread_.join();
  source_.reset();
}

void Hub::source_ended() {
  if (stopping_) context_.stop();
}

Birth Hub::invitation() const {
  auto birth = listener_.invitation();
  if (auto const* const run = current_stage_run()) birth.stage_directory = run->directory().string();
  return birth;
}

bool Hub::exists() { return the_hub != nullptr; }

void Hub::set_instance(Hub* hub) { the_hub = hub; }

Hub& Hub::instance() {
  if (is_rank_process()) throw UsageError("a rank cannot make a pool or an executor: only the master can");
  Hub* const hub = the_hub;
  if (hub == nullptr)
    throw UsageError(
        "there is no farm::Runtime whose ranks serve: make one at the start of main, before any pool or executor; "
        "where all ranks take part, use MPICommExecutor, MPIExecutor or MPIPool");
  return *hub;
}

void Hub::run() {
  for (;;) {
    context_.run_one();  // sleeps
    if (context_.stopped()) return;
    auto last = Clock::now();
    do {
      std::size_t const handled = context_.poll();
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
  if (found != groups_.end()) {
    auto const group = found->second.group;
    group->attach(hello, std::move(socket));
  } else {
    source_->attach(hello, std::move(socket));
  }
}

std::shared_ptr<Group> Hub::start_group(int ranks, int crowd, WorkerOptions const& options, Clock::duration limit,
                                        GroupOwner& owner) {
  auto group = std::make_shared<Group>(*this, next_group_++, ranks, owner);
  groups_[group->id()].group = group;
  waiting_.push_back({group, crowd, options, limit});
  post([this] { serve_waiting(); });
  return group;
}

void Hub::add_tenant(Tenant& tenant) {
  tenants_.push_back(&tenant);
  if (interrupted_) tenant.interrupted(interrupted_);
}

void Hub::interrupt(std::exception_ptr const& error) {
  interrupted_ = error;
  for (auto* const tenant : std::list{tenants_}) tenant->interrupted(error);
}

bool Hub::withdraw(Group& group) {
  auto const id = group.id();
  bool const gone = waiting_.remove_if([&](Waiting const& waiting) { return waiting.group->id() == id; }) != 0 ||
                    source_->withdraw(group);
  if (!gone) return false;
  groups_.erase(id);
  group_has_gone();
  return true;
}

void Hub::forget(std::uint64_t id) {
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  if (found->second.started) source_->released(*found->second.group);
  groups_.erase(found);
  group_has_gone();
}

void Hub::group_has_gone() {
  if (on_closed_) return close_when_empty();
  room_has_changed();
}

void Hub::room_has_changed() {
  post([this] { serve_waiting(); });
}

void Hub::fail_starting(std::string const& why) {
  for (auto const& [id, known] : std::unordered_map{groups_}) known.group->start_failed(why);
}

void Hub::serve_waiting() {
  while (!waiting_.empty()) {
    auto const next = waiting_.front();
    auto const known = groups_.find(next.group->id());
    if (known == groups_.end()) {  // ended meanwhile
      waiting_.pop_front();
      continue;
    }
    if (auto const why = source_->refusal(next.group->ranks()); !why.empty()) {
      waiting_.pop_front();
      next.group->start_failed(why);
      continue;
    }
    if (!source_->has_room(next.group->ranks())) break;
    waiting_.pop_front();
    known->second.started = true;
    source_->start(next.group, next.crowd, next.options, next.limit);
  }
  for (auto* const tenant : tenants_) tenant->others_wait(!waiting_.empty());
}

}  // namespace farm::detail
