#pragma once

#include "core/task/frame.hpp"
#include "spawn/isolation/process_state.hpp"
#include "spawn/isolation/rank_process.hpp"
#include "spawn/isolation/task_comms.hpp"
#include "spawn/wire/channel.hpp"

#include <farm/comm.hpp>
#include <farm/detail/array_transport.hpp>
#include <farm/detail/call.hpp>
#include <farm/detail/span.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
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
/// initializer returned, the functions that were called before, and the state that the process has before each task.
class TaskServer {
 public:
  /// `group` and `channel` must outlive this. The paths of the output files of tasks begin with `output_prefix`; if
  /// that is empty, there are no such files.
  TaskServer(std::uint64_t id, Comm const& group, std::string output_prefix, Channel& channel, RankProcess process);

  /// Runs the initializer in an `initialize` frame. What the initializer changes in the process stays. Throws what the
  /// initializer throws, and UsageError if it initializes or finalizes MPI.
  void initialize(Frame const& frame);

  /// The process has been changed on purpose: what it is like before the next task is what is restored after it.
  void renew_state() { state_.reset(); }

  /// Runs the task in a `task` frame, sends its value or its error, and restores the state of the process; does nothing
  /// if the task was recalled. Throws ProtocolError if the frame is too short, and std::system_error if the process
  /// belongs to a session and its working directory cannot be restored. Ends the process if the rank cannot serve any
  /// longer.
  void run(Frame const& frame);

 private:
  using Clock = std::chrono::steady_clock;

  void call_task(TaskHeader const& header, std::uint64_t task, TaskSettings const* settings, std::string_view payload,
                 Bytes* value);
  void call_with_output(TaskHeader const& header, RankContext& context, std::string_view payload, Bytes* value);
  void call_with_settings(TaskSettings const& settings, TaskHeader const& header, RankContext& context,
                          std::string_view payload, Bytes* value);
  void call(TaskHeader const& header, RankContext& context, std::string_view payload, Bytes* value);
  [[nodiscard]] Comm const& comm_of_task(TaskHeader const& header);
  void restore_process();
  void send_times(std::uint64_t task, Clock::time_point start, Clock::time_point end);
  [[nodiscard]] Invoker invoker(CodeAddress address);

  std::uint64_t id_;
  std::uint64_t tasks_seen_ = 0;
  std::uint64_t key_ = 0;  ///< the latest task's task_key
  Comm const& group_;
  std::string group_name_;
  std::string output_prefix_;
  Channel& channel_;
  RankProcess process_;
  TaskComms comms_;
  std::optional<ProcessState> state_;  ///< before each task; none before the first, and if the process is the master's
  std::unordered_map<std::uint64_t, std::pair<CodeAddress, Invoker>> invokers_;
  InitializerResult kept_;
  TaskFiles task_files_;
  SpanCollector spans_;
  Bytes value_;
  std::uint16_t staged_value_ = 0;  ///< the flag of the answer if `value_` is the handle of a staged value
};

}  // namespace farm::detail
