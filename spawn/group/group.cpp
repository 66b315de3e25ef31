#include "spawn/group/group.hpp"

#include "core/base/failure.hpp"
#include "spawn/join/join_info.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/log.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// From the end of a rank's stream until its guard's report. A rank whose guard has not reported by then is lost all
/// the same.
constexpr auto report_limit = 3s;
/// How much later than the exit of a rank the report about a peer on another host may come.
constexpr auto peer_report_limit = 100ms;
/// For ranks that are to leave or to end. Those that take longer are killed, or given up.
constexpr auto leave_limit = 10s;
constexpr auto end_limit = 10s;

}  // namespace

Group::Group(GroupPort& port, std::uint64_t id, Request request, GroupOwner& owner)
    : port_(port),
      flush_list_(port.flush_list()),
      id_(id),
      request_(std::move(request)),
      owner_(&owner),
      members_(static_cast<std::size_t>(request_.ranks)),
      timer_(port.context()) {}

template <class F>
void Group::after(Clock::duration time, F f) {
  timer_.expires_after(time);
  timer_.async_wait([self = shared_from_this(), f](asio::error_code const& error) {
    if (!error) f();
  });
}

void Group::limit_start(Clock::duration limit) {
  after(limit, [this, limit] {
    if (!is_awaited()) return;
    auto const seconds = std::chrono::duration<double>(limit).count();
    if (state_ == State::preparing) {
      return fail(
          fmt::format("its ranks connected, but were not ready within {:g} s: the initializer has not returned; if it "
                      "takes so long, set a longer spawn_timeout",
                      seconds));
    }
    auto const connected =
        std::count_if(members_.begin(), members_.end(), [](Member const& each) { return each.complete(); });
    auto const output = port_.captured_output(*this);
    fail(fmt::format("{} of the {} ranks of a group connected within {:g} s{}{}", connected, members_.size(), seconds,
                     output.empty() ? "" : "; ", output));
  });
}

void Group::expect(Clock::duration limit) {
  if (state_ != State::waiting) return;
  state_ = State::connecting;
  limit_start(limit);
  prepare_if_complete();
}

void Group::form(std::vector<Member> members, Bytes const& form, Clock::duration limit) {
  members_ = std::move(members);
  is_static_ = true;
  state_ = State::connecting;
  limit_start(limit);
  for (std::size_t rank = 0; rank < members_.size(); ++rank) {
    auto& member = members_[rank];
    listen_to(rank);
    append_frame(member.stream->output(), FrameType::form, 0, form);
    flush_list_.add(member.stream);
    ++member.unanswered;
  }
  prepare_if_complete();
}

void Group::start_failed(std::string const& why) {
  if (state_ != State::waiting) return;
  state_ = State::connecting;
  fail(why);
}

void Group::wait_in_queue() {
  if (state_ == State::connecting) timer_.cancel();
}

void Group::leave_queue(Clock::duration limit) {
  if (state_ == State::connecting) limit_start(limit);
}

void Group::launch_failed(std::string const& why) {
  if (state_ == State::connecting) fail(why);
}

void Group::launcher_killed(std::string const& why) { fail(fmt::format("group {}: {}", id_, why)); }

bool Group::is_complete() const {
  return std::all_of(members_.begin(), members_.end(), [](Member const& each) { return each.complete(); });
}

bool Group::awaits_all_ranks() const {
  return (state_ == State::waiting || state_ == State::connecting) &&
         std::none_of(members_.begin(), members_.end(),
                      [](Member const& each) { return each.stream || each.lifeline; });
}

std::vector<int> Group::ranks_without_report() const {
  std::vector<int> ranks;
  for (int rank = 0; rank < this->ranks(); ++rank) {
    auto const& member = members_[static_cast<std::size_t>(rank)];
    if (member.guarded && member.complete() && !member.exit) ranks.push_back(rank);
  }
  return ranks;
}

void Group::attach(Hello const& hello, Socket socket) {
  if (hello.rank < 0 || hello.rank >= ranks()) {
    if (is_awaited()) {
      fail(fmt::format("rank {} connected, but {} were asked for: the launcher has started more", hello.rank, ranks()));
    }
    throw ProtocolError("its group has no such rank");
  }
  auto const rank = static_cast<std::size_t>(hello.rank);
  auto& member = members_[rank];
  if (hello.is_guard ? member.lifeline != nullptr : member.stream != nullptr)
    throw ProtocolError("its rank is connected already");
  if (state_ == State::gone || state_ == State::ending) throw ProtocolError("its group was ended");
  member.guarded = hello.guarded;
  member.pid = hello.pid;
  member.host = hello.host;
  if (!hello.is_guard) {
    member.processors = hello.processors;
    member.cores = hello.cores;
  }
  auto& stream = hello.is_guard ? member.lifeline : member.stream;
  stream = std::make_shared<Stream>(std::move(socket), nullptr, nullptr);
  listen_to(rank);
  if (!hello.is_guard) port_.offer_ring(stream);
  stream->start();
  if (hello.build_id != program_build_id()) {
    fail(fmt::format("rank {} on {} runs another build of the program: start the program again", rank, hello.host));
    return;
  }
  prepare_if_complete();
}

void Group::listen_to(std::size_t rank) {
  auto& member = members_[rank];
  if (member.stream) {
    member.stream->set_handlers([this, rank](Frame const& frame) { on_rank_frame(rank, frame); },
                                [this, rank](std::string const& why) { on_stream_closed(rank, why); });
  }
  if (member.lifeline) {
    member.lifeline->set_handlers([this, rank](Frame const& frame) { on_guard_frame(rank, frame); },
                                  [this, rank](std::string const& why) { on_lifeline_closed(rank, why); });
  }
}

/// Waits until MPI_Comm_spawn has returned: a rank that a task kills before would keep MPI_Comm_spawn from returning.
void Group::prepare_if_complete() {
  if (state_ != State::connecting) return;
  if (!is_complete()) return;
  state_ = State::preparing;
  auto const assignments = port_.assign(*this);
  for (std::size_t rank = 0; rank < assignments.size(); ++rank) assign(rank, assignments[rank]);
  if (auto const& initializer = owner_->initializer()) {
    TaskHeader const header{.module = initializer.code().module, .offset = initializer.code().offset};
    for (auto& member : members_) {
      append_frame(member.stream->output(), FrameType::initialize, 0, &header, sizeof header, initializer.call());
      flush_list_.add(member.stream);
      ++member.unanswered;
    }
  }
  become_ready_if_prepared();
}

void Group::assign(std::size_t rank, Assignment const& assignment) {
  if (assignment.processors.empty() && assignment.devices.empty()) return;
  auto const& stream = members_[rank].stream;
  if (!is_in_use() || !stream || !stream->open()) return;
  append_frame(stream->output(), FrameType::assign, 0, pack(assignment));
  flush_list_.add(stream);
}

void Group::become_ready_if_prepared() {
  if (state_ != State::preparing) return;
  if (std::any_of(members_.begin(), members_.end(), [](Member const& each) { return each.unanswered != 0; })) return;
  state_ = State::ready;
  timer_.cancel();
  owner_->on_ready(*this);
}

void Group::on_rank_frame(std::size_t rank, Frame const& frame) {
  auto& member = members_[rank];
  if (frame.type == FrameType::staged) return owner_->on_staged(*this, frame);
  if (frame.type == FrameType::times) return owner_->on_times(*this, static_cast<int>(rank), frame);
  if (frame.type == FrameType::progress) {
    auto payload = frame.payload;
    return owner_->on_progress(*this, frame.id, take<double>(payload));
  }
  if (member.unanswered == 0) throw ProtocolError("a rank sends an answer that nobody waits for");
  --member.unanswered;
  if (frame.type == FrameType::prepared) return on_prepared(rank, frame);
  owner_->on_answer(*this, static_cast<int>(rank), frame);
}

void Group::on_prepared(std::size_t rank, Frame const& frame) {
  if (!is_awaited()) return;
  if (frame.payload.empty()) return become_ready_if_prepared();
  auto const failure = unpack<Failure>(frame.payload);
  auto const why =
      fmt::format("rank {} of {} on {}: {}", rank, members_.size(), members_[rank].host, describe(failure));
  bool const by_initializer = frame.id == static_cast<std::uint64_t>(FrameType::initialize);
  fail(why, by_initializer ? StartFailure::Cause::initializer : StartFailure::Cause::other);
}

void Group::send(Task const& task, TaskHeader const& header) {
  if (task.rare && !task.rare->settings.empty()) return send(task, header, task.rare->settings + task.call);
  send(task, header, task.call);
}

void Group::send(Task const& task, TaskHeader const& header, std::string_view call) {
  std::uint16_t flags = 0;
  if (task.staged_call) flags |= task_flags::staged_call;
  if (task.rare && !task.rare->settings.empty()) flags |= task_flags::has_settings;
  for (auto& member : members_) {
    if (!member.stream->open()) continue;
    bool const is_first = member.stream->unsent() == 0;  // else the flush that is under way sends it, too
    append_frame(member.stream->output(), FrameType::task, task.id, &header, sizeof header, call, flags);
    if (is_first) flush_list_.add(member.stream);
    ++member.unanswered;
  }
}

void Group::stop(std::uint64_t index) {
  for (auto& member : members_) {
    if (!member.lifeline || !member.lifeline->open()) continue;
    append_frame(member.lifeline->output(), FrameType::stop, task_key(id_, index));
    flush_list_.add(member.lifeline);
  }
}

void Group::recall(std::uint64_t end) {
  auto const& lifeline = members_.front().lifeline;
  if (!lifeline->open()) return;  // the loss of the group is noticed soon
  recall_end_ = end;
  append_frame(lifeline->output(), FrameType::recall, task_key(id_, end));
  flush_list_.add(lifeline);
}

void Group::release() {
  if (state_ != State::ready) return;
  state_ = State::leaving;
  if (is_static_) {
    for (auto& member : members_) dissolve(member);
    port_.post([self = shared_from_this()] { self->check_gone(); });
    return;
  }
  for (auto& member : members_) {
    append_frame(member.stream->output(), FrameType::leave);
    flush_list_.add(member.stream);
  }
  after(leave_limit, [this] { end(); });
}

/// The rank leaves its group but stays alive. check_gone() returns it to its source.
void Group::dissolve(Member& member) {
  append_frame(member.stream->output(), FrameType::dissolve);
  flush_list_.add(member.stream);
  member.dissolved = true;
}

void Group::end() {
  if (state_ == State::ending || state_ == State::gone) return;
  state_ = State::ending;
  for (auto& member : members_) {
    if (is_static_ && member.alive() && member.unanswered == 0) {
      dissolve(member);
    } else {
      end_rank(member);
    }
  }
  limit_end(end_limit);
  port_.post([self = shared_from_this()] { self->check_gone(); });  // none of them may have connected
}

void Group::limit_end(Clock::duration limit) {
  after(limit, [this] {
    if (state_ == State::gone) return;
    for (auto& member : members_) {
      if (member.dissolved) continue;
      if (member.lifeline && member.lifeline->open()) {
        log_error(fmt::format("process {} on {} did not end when it was told to", member.pid, member.host));
        member.lifeline->close();  // a guard whose lifeline breaks kills its rank, if the guard still works
      }
      if (member.stream) member.stream->close();
      member.stream_closed = member.lifeline_closed = true;
    }
    check_gone();
  });
}

void Group::on_guard_frame(std::size_t rank, Frame const& frame) {
  if (frame.type == FrameType::output) {
    port_.print(frame.id, frame.payload);
  } else if (frame.type == FrameType::exited) {
    auto& member = members_[rank];
    if (member.stream) static_cast<void>(member.stream->look());  // what the rank has answered before it ended counts
    member.exit = unpack<ExitReport>(frame.payload);
    if (member.stream) {  // processes that its task has left behind may hold the other end open
      member.stream->close();
      member.stream_closed = true;
    }
    if (state_ == State::leaving && !member.exit->left) {
      end();  // the other ranks may wait for this one in MPI_Finalize
    } else if (is_in_use()) {
      // MPI ends a rank that has lost its peer on another host: the report about the peer may be on its way.
      if (ended_itself(rank) && spans_hosts()) {
        after(peer_report_limit, [this, rank] {
          if (is_in_use()) lost(rank);
        });
      } else {
        lost(rank);
      }
    }
  } else if (frame.type == FrameType::recalled) {
    // the answer of a static rank may still concern its previous group
    if (state_ == State::ready && of_same_group(frame.id, task_key(id_, 0))) {
      auto const first = index_of(frame.id);
      // the rank does not answer tasks that it does not begin; a static rank takes its count to its next group
      if (first < recall_end_) members_[rank].unanswered -= std::min(members_[rank].unanswered, recall_end_ - first);
      owner_->on_recalled(*this, first);
    }
  } else {
    throw ProtocolError("a guard sends no frames of this type");
  }
}

void Group::on_stream_closed(std::size_t rank, std::string const& why) {
  auto& member = members_[rank];
  member.stream_closed = true;
  if (why == silent_host) return host_is_silent(member.host);
  if (is_in_use()) {
    if (!why.empty()) {
      log_error(fmt::format("the stream of rank {} on {} was closed: {}", rank, member.host, why));
      lost(rank);
    } else if (!member.guarded || member.lifeline_closed) {
      lost(rank);
    } else {
      after(report_limit, [this, rank] {
        if (is_in_use()) lost(rank);
      });
    }
  }
  check_gone();
}

void Group::on_lifeline_closed(std::size_t rank, std::string const& why) {
  members_[rank].lifeline_closed = true;
  if (why == silent_host) return host_is_silent(members_[rank].host);
  if (is_in_use()) lost(rank);
  check_gone();
}

std::optional<int> Group::rank_on(std::string const& host) const {
  for (std::size_t rank = 0; rank < members_.size(); ++rank) {
    if (members_[rank].complete() && members_[rank].host == host && !members_[rank].exit) return static_cast<int>(rank);
  }
  return std::nullopt;
}

void Group::host_is_silent(
    std::string host) {  // NOLINT(performance-unnecessary-value-param): its member may be moved away meanwhile
  auto const self = shared_from_this();
  port_.host_lost(host);
  lose_host(host);
}

/// Closes the streams to the host: nothing is read any more that its ranks have sent, or send when the host is back.
void Group::lose_host(std::string const& host) {
  auto const rank = rank_on(host);
  for (auto& member : members_) {
    if (member.host != host) continue;
    for (auto const& stream : {member.stream, member.lifeline}) {
      if (stream) stream->close();
    }
    member.stream_closed = member.lifeline_closed = true;
  }
  if (rank && is_in_use()) {
    fail(fmt::format("rank {} of {} on {} is lost: the host has not answered for some time (FARM_HEARTBEAT)", *rank,
                     members_.size(), host));
  }
  check_gone();
}

std::string Group::exit_text(std::size_t rank) const {
  auto const& member = members_[rank];
  std::string text =
      fmt::format("group {}: rank {} of {} on {} (process {})", id_, rank, members_.size(), member.host, member.pid);
  if (!member.exit) return text + (member.guarded ? " and its guard broke off" : " broke off");
  if (member.exit->signal != 0) {
    char const* const description = strsignal(member.exit->signal);  // NOLINT: one thread
    text += fmt::format(" was ended by signal {} ({})", member.exit->signal,
                        description != nullptr ? description : "unknown");
  } else {
    text += fmt::format(" exited with status {}", member.exit->status);
  }
  if (member.exit->early != 0) text += " before its farm::Runtime was made";
  if (!member.exit->note.empty()) text += fmt::format(": {}", member.exit->note);
  return text + fmt::format(", peak memory {} MiB", member.exit->peak_kibibytes / 1024);
}

/// Returns true if the rank's program has ended the process in order: by exit(), a Fortran STOP or MPI_Abort. False if
/// the farm's own code has ended it, which leaves another note.
bool Group::ended_itself(std::size_t rank) const {
  auto const& exit = members_[rank].exit;
  return exit && exit->signal == 0 && exit->early == 0 && exit->ended == 0 &&
         (exit->note.empty() || exit->note.starts_with("it called MPI_Abort")) && !port_.launcher_was_killed(*this);
}

bool Group::spans_hosts() const {
  return std::any_of(members_.begin(), members_.end(),
                     [&](Member const& each) { return each.host != members_.front().host; });
}

void Group::lost(std::size_t rank) {
  auto const& exit = members_[rank].exit;
  bool const by_program = exit && exit->early != 0 && exit->signal == 0;
  fail(exit_text(rank), by_program ? StartFailure::Cause::program : StartFailure::Cause::other,
       ended_itself(rank) ? std::optional{static_cast<int>(rank)} : std::nullopt);
}

/// The only place where the owner is told of a failure. The group has ended itself before, so nothing that the owner
/// does in answer fails or ends the group a second time.
void Group::fail(std::string const& why, StartFailure::Cause cause, std::optional<int> exited) {
  if (!is_in_use()) return;
  bool const was_ready = state_ == State::ready;
  end();
  if (was_ready) {
    owner_->on_lost(*this, why, exited);
  } else {
    owner_->on_start_failed(*this, {.why = why, .cause = cause});
  }
}

void Group::check_gone() {
  if (state_ != State::ending && state_ != State::leaving) return;
  for (auto const& member : members_) {
    if (member.dissolved) continue;
    if ((member.stream && !member.stream_closed) || (member.lifeline && !member.lifeline_closed)) return;
  }
  state_ = State::gone;
  timer_.cancel();
  auto const self = shared_from_this();
  std::vector<Member> survivors;
  for (auto& member : members_) {
    if (member.dissolved && member.alive()) survivors.push_back(std::move(member));
  }
  for (auto& member : survivors) member.dissolved = false;
  port_.take_back(*this, std::move(survivors));
  port_.forget(id_);
  owner_->on_gone(*this);
}

}  // namespace farm::detail
