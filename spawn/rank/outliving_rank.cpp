#include "spawn/rank/outliving_rank.hpp"

#include "core/task/frame.hpp"
#include "spawn/guard/guard_link.hpp"
#include "spawn/succession/reports.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace farm::detail {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// From the end of the rank's stream to the end of the guard's, if the master is gone.
constexpr auto notice_limit = 10s;

/// Waits until the guard has noticed that the master is gone, too. Returns false if it does not.
bool guard_has_noticed(std::uint32_t masters) {
  auto const give_up = Clock::now() + notice_limit;
  while (guard_link().masters_lost() == masters) {
    if (!guard_link().outlives() || Clock::now() > give_up) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

}  // namespace

OutlivingRank::OutlivingRank(JoinInfo const& join_info, Hello hello) : next_(join_info), hello_(std::move(hello)) {
  hello_.returns = true;
}

bool OutlivingRank::find_next_master(asio::io_context& context, Channel& channel, TaskServer& server) {
  if (!guard_link().outlives() || !guard_has_noticed(server.masters())) return false;
  next_.begin();
  while (!rejoin(context, channel, server)) std::this_thread::sleep_for(look_interval);
  return true;
}

/// Returns false if there is no master, or it has not taken the rank over.
bool OutlivingRank::rejoin(asio::io_context& context, Channel& channel, TaskServer& server) {
  auto socket = next_.look(context, hello_);
  if (!socket) return false;
  channel.replace(*std::move(socket));
  RankReport const report{.begun = guard_link().begun(), .received = server.held_tasks()};
  append_frame(channel.output(), FrameType::rejoined, 0, pack(report));
  channel.flush();
  auto const frame = channel.next();
  if (!frame) return false;
  if (frame->type != FrameType::resume) throw ProtocolError("the next master does not say how to go on");
  auto payload = frame->payload;
  auto const resume = take<ResumeHeader>(payload);
  log_.each_from(frame->id, [&](std::string_view frames) { channel.output().append(frames); });
  channel.flush();
  server.resume(resume);
  return true;
}

}  // namespace farm::detail
