#include "spawn/sources/static_source.hpp"

#include "core/base/host_name.hpp"
#include "spawn/group/group.hpp"
#include "spawn/rank/worker.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>

#include <unistd.h>
#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto leave_limit = 10s;

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
  watch(member);
  if (!hello.is_guard) port_.offer_ring(stream);
  stream->start();
  if (!member.complete()) return;
  free_[static_rank] = std::move(member);
  coming_.erase(static_rank);
  if (--expected_ > 0) return;
  std::scoped_lock const lock{mutex_};
  complete_ = true;
  all_here_.notify_all();
}

StaticSource::~StaticSource() {
  if (here_.joinable()) here_.join();
}

void StaticSource::serve_here(MPI_Comm self) {
  asio::local::stream_protocol::socket master{port_.context()};
  asio::local::stream_protocol::socket rank{port_.context()};
  asio::local::connect_pair(master, rank);
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
    free_[own_] = std::move(member);
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

std::string StaticSource::refusal(int ranks, WorkerOptions const& /*options*/) const {
  auto const alive = free_.size() + static_cast<std::size_t>(taken_);
  if (static_cast<std::size_t>(ranks) <= alive) return {};
  return fmt::format(
      "{} of the {} ranks that serve are left: no group of {} can be formed any more; start the "
      "program again",
      alive, slots_.total, ranks);
}

void StaticSource::start(std::shared_ptr<Group> const& group, int /*peak_ranks*/, WorkerOptions const& options,
                         Clock::duration limit) {
  taken_ += group->ranks();
  std::vector<Member> members;
  Form form{.group = group->id(),
            .ranks = {},
            .working_directory = options.working_directory,
            .environment = options.environment,
            .output_directory = options.output_directory};
  for (int i = 0; i < group->ranks(); ++i) {
    auto next = free_.extract(free_.begin());
    form.ranks.push_back(next.key());
    members.push_back(std::move(next.mapped()));
  }
  group->form(std::move(members), pack(form), limit);
}

bool StaticSource::withdraw(Group const& /*group*/) { return false; }

void StaticSource::released(Group const& group) { taken_ -= group.ranks(); }

void StaticSource::take_back(std::vector<Member> members) {
  for (auto& member : members) {
    watch(member);
    free_[member.static_rank] = std::move(member);
  }
}

void StaticSource::close(std::function<void()> done) {
  closed_ = std::move(done);
  for (auto& [static_rank, member] : free_) {
    append_frame(member.stream->output(), FrameType::leave);
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
