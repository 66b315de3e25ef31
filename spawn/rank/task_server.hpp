#pragma once

#include "core/task/frame.hpp"
#include "spawn/wire/channel.hpp"

#include <farm/comm.hpp>
#include <farm/detail/array_transport.hpp>
#include <farm/detail/call.hpp>
#include <farm/detail/span.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace farm::detail {

/// Collects what a traced task does with arrays.
class SpanCollector final : public SpanSink {
 public:
  void add(SpanRecord span) override;
  [[nodiscard]] std::vector<SpanRecord> take();

 private:
  std::mutex mutex_;
  std::vector<SpanRecord> spans_;
};

/// Runs the tasks of one group on this rank. It holds what lasts from task to task: the communicators, what the
/// initializer returned, and the functions that were called before.
class TaskServer {
 public:
  /// `group` and `channel` must outlive this. `output_directory` is where each task's output has a file; empty: there
  /// are no such files.
  TaskServer(std::uint64_t id, Comm const& group, std::string output_directory, Channel& channel);

  /// Runs the initializer in an `initialize` frame. Throws what the initializer throws.
  void initialize(Frame const& frame);

  /// Runs the task in a `task` frame, and sends its value or its error; does nothing if the task was recalled. Throws
  /// ProtocolError if the frame is too short.
  void run(Frame const& frame);

 private:
  using Clock = std::chrono::steady_clock;
  struct CommSlot {
    std::uint32_t epoch = 0;
    Comm comm;
  };

  void call(TaskHeader const& header, std::uint64_t task, std::string_view payload, Bytes* value);
  void send_times(std::uint64_t task, Clock::time_point start, Clock::time_point end);
  [[nodiscard]] Invoker invoker(CodeAddress address);
  [[nodiscard]] Comm const& comm(std::uint16_t slot, std::uint32_t epoch);

  std::uint64_t id_;
  std::uint64_t tasks_seen_ = 0;
  std::uint64_t key_ = 0;  ///< the latest task's task_key
  Comm const& group_;
  std::string group_name_;
  std::string output_directory_;
  Channel& channel_;
  std::vector<CommSlot> comms_;
  std::unordered_map<std::uint64_t, std::pair<CodeAddress, Invoker>> invokers_;
  InitializerResult kept_;
  TaskFiles task_files_;
  SpanCollector spans_;
  Bytes value_;
};

}  // namespace farm::detail
