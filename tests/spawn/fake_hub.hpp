#pragma once

#include "core/task/frame.hpp"
#include "spawn/group/group.hpp"
#include "spawn/group/group_port.hpp"
#include "spawn/sources/source_port.hpp"
#include "spawn/wire/stream.hpp"

#include <farm/detail/code_address.hpp>

#include <asio/io_context.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A hub that is nothing but a loop and a record of what groups and sources ask of it, and the processes at the other
/// ends of their streams: the test says when these connect, answer and die.
namespace farm::testing {

using namespace farm::detail;

/// One end of a stream, as a rank or a guard has it.
class FakeProcess {
 public:
  FakeProcess(asio::io_context& loop, Socket& other_end) {
    asio::local::stream_protocol::socket here{loop};
    asio::local::stream_protocol::socket there{loop};
    asio::local::connect_pair(here, there);
    other_end = Socket{std::move(there)};
    stream_ = std::make_shared<Stream>(
        Socket{std::move(here)},
        [this](Frame const& frame) {
          if (frame.type != FrameType::ring) frames.push_back(frame.type);
          payloads[frame.type] = std::string{frame.payload};
        },
        [this](std::string const& /*why*/) { sees_end = true; });
    stream_->start();
  }
  FakeProcess(FakeProcess const&) = delete;
  FakeProcess& operator=(FakeProcess const&) = delete;
  ~FakeProcess() { stream_->close(); }

  void send(FrameType type, std::uint64_t id = 0, std::string_view payload = {}) const {
    append_frame(stream_->output(), type, id, payload);
    stream_->flush();
  }
  void die() const { stream_->close(); }
  [[nodiscard]] bool got(FrameType type) const { return std::find(frames.begin(), frames.end(), type) != frames.end(); }

  std::vector<FrameType> frames;  ///< what the master has sent, but rings
  std::map<FrameType, std::string> payloads;
  bool sees_end = false;  ///< the master has closed the stream

 private:
  std::shared_ptr<Stream> stream_;
};

class FakeHub final : public GroupPort, public SourcePort {
 public:
  asio::io_context& context() override { return loop; }
  void post(std::function<void()> f) override { asio::post(loop, std::move(f)); }
  FlushList& flush_list() override { return flushes; }
  void offer_ring(std::shared_ptr<Stream> const& /*stream*/) override { ++rings_offered; }
  void print(std::uint64_t stream, std::string_view lines) override {
    printed += std::to_string(stream) + ":" + std::string{lines};
  }
  std::string captured_output(Group const& /*group*/) override { return launcher_output; }
  bool launcher_was_killed(Group const& /*group*/) override { return launcher_killed; }
  void host_lost(std::string const& host) override { hosts_lost.push_back(host); }
  void take_back(Group const& /*group*/, std::vector<Member> members) override {
    for (auto& member : members) taken_back.push_back(std::move(member));
  }
  std::vector<Assignment> assign(Group const& group) override {
    assigned.push_back(group.id());
    return assignments;
  }
  void forget(std::uint64_t group) override { forgotten.push_back(group); }

  [[nodiscard]] JoinInfo join_info() const override { return {}; }
  void open_to_network() override {}
  void room_has_changed() override { ++room_changes; }
  void source_ended() override { ++sources_ended; }
  void fail_starting(GroupSource const& /*source*/, std::string const& why) override { failed_starting = why; }
  void stop_starting(GroupSource& /*source*/, std::uint64_t /*begun*/, std::string const& why) override {
    failed_starting = why;
  }
  GroupSource& launched() override { throw std::runtime_error("nothing can be launched here"); }

  /// Runs handlers until the condition holds. Returns false if it does not within some seconds.
  template <class Condition>
  bool run_until(Condition condition) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    flushes.flush();
    while (!condition() && std::chrono::steady_clock::now() < end) {
      loop.run_one_for(std::chrono::milliseconds{50});
      flushes.flush();
      loop.restart();
    }
    return condition();
  }
  /// Runs all handlers that have something to do now.
  void settle() {
    for (int i = 0; i < 10; ++i) {
      flushes.flush();
      loop.restart();
      loop.run_for(std::chrono::milliseconds{1});
    }
  }

  asio::io_context loop{1};
  FlushList flushes;
  std::string launcher_output;
  bool launcher_killed = false;
  std::string printed;
  std::string failed_starting;
  std::vector<std::string> hosts_lost;
  std::vector<Member> taken_back;
  std::vector<std::uint64_t> forgotten;
  std::vector<std::uint64_t> assigned;  ///< groups that have asked for cores and devices
  std::vector<Assignment> assignments;  ///< what they get
  int rings_offered = 0;
  int room_changes = 0;
  int sources_ended = 0;
};

/// The owner of a group, as a record of what it is told.
class FakeOwner final : public GroupOwner {
 public:
  Initializer const& initializer() const override { return initializer_; }
  void on_ready(Group& /*group*/) override { told.emplace_back("ready"); }
  void on_start_failed(Group& group, StartFailure const& failure) override {
    told.emplace_back(failure.cause == StartFailure::Cause::initializer ? "initializer failed" : "start failed");
    why = failure.why;
    if (ends_in_answer) group.end();
  }
  void on_answer(Group& /*group*/, int rank, Frame const& frame) override {
    told.push_back("answer of " + std::to_string(rank) + ": " + std::string{frame.payload});
  }
  void on_progress(Group& /*group*/, std::uint64_t /*task*/, double /*done*/) override {
    told.emplace_back("progress");
  }
  void on_recalled(Group& /*group*/, std::uint64_t first) override {
    told.push_back("recalled from " + std::to_string(first));
  }
  void on_times(Group& /*group*/, int /*rank*/, Frame const& /*frame*/) override { told.emplace_back("times"); }
  void on_staged(Group& /*group*/, Frame const& frame) override {
    told.push_back("staged " + std::string{frame.payload});
  }
  void on_lost(Group& group, std::string const& how, std::optional<int> exited) override {
    told.emplace_back("lost");
    why = how;
    exited_rank = exited;
    if (ends_in_answer) group.end();
  }
  void on_gone(Group& /*group*/) override { told.emplace_back("gone"); }

  [[nodiscard]] bool was_told(std::string const& what) const {
    return std::find(told.begin(), told.end(), what) != told.end();
  }

  std::vector<std::string> told;
  std::optional<int> exited_rank;
  std::string why;
  bool ends_in_answer = true;  ///< as the scheduler of an engine does

  void set_initializer(Initializer const& initializer) { initializer_ = initializer; }

 private:
  Initializer initializer_;
};

inline Hello hello_of(int rank, bool is_guard, std::string const& host = "nodeA") {
  return {.group = 1,
          .rank = rank,
          .is_guard = is_guard,
          .guarded = true,
          .pid = 1000 + rank,
          .host = host,
          .build_id = program_build_id()};
}

}  // namespace farm::testing
