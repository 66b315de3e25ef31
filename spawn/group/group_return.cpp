// The part of a group that comes back from an earlier master, and that leaves it to the next one.
#include "spawn/group/group.hpp"
#include "spawn/join/join_info.hpp"

#include <farm/detail/code_address.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace farm::detail {

void Group::expect_return() {
  state_ = State::returning;
  outlives_ = true;
  for (auto& member : members_) member.is_to_resume = true;
}

/// A guard or a rank that was another master's.
void Group::attach_again(Hello const& hello, std::size_t rank, Socket socket) {
  auto& member = members_[rank];
  bool const is_expected = (state_ == State::returning || state_ == State::ready) && member.is_to_resume;
  bool const is_early = !hello.is_guard && state_ < State::returning;
  auto& stream = hello.is_guard ? member.lifeline : member.stream;
  if (!is_expected || is_early || stream) throw ProtocolError("its group was taken over already, or has ended");
  member.guarded = true;
  member.pid = hello.pid;
  member.host = hello.host;
  stream = std::make_shared<Stream>(std::move(socket), nullptr, nullptr);
  if (hello.is_guard) {
    member.processors = hello.processors;
    member.cores = hello.cores;
  }
  listen_to(rank);
  if (!hello.is_guard) port_.offer_ring(stream);
  stream->start();
  is_foreign_ = is_foreign_ || hello.build_id != program_build_id();
}

void Group::on_guard_returned(std::size_t rank, Frame const& frame) {
  auto& member = members_[rank];
  if (state_ != State::returning || member.report) throw ProtocolError("a guard comes back that was not away");
  member.report = unpack<GuardReport>(frame.payload);
  bool const all = std::all_of(members_.begin(), members_.end(), [](Member const& each) { return each.report; });
  if (all) owner_->on_returned(*this);
}

void Group::resume(std::uint64_t begin_to) {
  if (state_ != State::returning) return;
  state_ = State::ready;
  begin_to_ = begin_to;
  for (std::size_t rank = 0; rank < members_.size(); ++rank) {
    auto& member = members_[rank];
    auto const answered = member.report->log.answered;
    // a group of one rank does not begin, and so does not answer, what was recalled from it
    member.unanswered += ranks() == 1 ? (member.report->running() ? 1 : 0) : begin_to - std::min(begin_to, answered);
    if (member.rank_report) resume_rank(rank);
  }
  port_.post([self = shared_from_this()] {  // those that ended while nobody was there
    for (std::size_t rank = 0; rank < self->members_.size() && self->is_in_use(); ++rank) {
      if (self->members_[rank].exit) self->lost(rank);
    }
  });
}

void Group::resume_rank(std::size_t rank) {
  auto& member = members_[rank];
  if (!member.is_to_resume || !member.stream) return;
  if (auto const why = why_stuck(*member.rank_report, begin_to_); !why.empty())
    return fail(
        fmt::format("group {} cannot go on: rank {} of {} on {}: {}", id_, rank, members_.size(), member.host, why));
  ResumeHeader const header{.begin_to = begin_to_, .masters = member.report->masters};
  append_frame(member.stream->output(), FrameType::resume, member.report->log.answered, &header, sizeof header, {});
  member.stream->output().append(std::exchange(member.pending, {}));
  member.is_to_resume = false;
  flush_list_.add(member.stream);
}

void Group::confirm(std::vector<std::uint32_t> const& numbers) {
  if (!outlives_ || !is_in_use() || numbers.empty()) return;
  std::string_view const payload{reinterpret_cast<char const*>(numbers.data()), numbers.size() * sizeof numbers[0]};
  for (auto& member : members_) {
    if (!member.takes_frames()) continue;
    append_frame(member.output(), FrameType::confirm, 0, payload);
    if (!member.is_to_resume) flush_list_.add(member.stream);
  }
}

}  // namespace farm::detail
