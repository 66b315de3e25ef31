#include "spawn/rank/task_server.hpp"

#include "core/base/failure.hpp"
#include "spawn/guard/guard_link.hpp"
#include "spawn/platform/throw_on_error.hpp"
#include "spawn/rank/task_output.hpp"

#include <farm/detail/task_stage.hpp>
#include <farm/task_context.hpp>

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// The shortest time between two progress reports of a task.
constexpr auto progress_interval = 50ms;

/// A running task's line to the master: the guard delivers stop requests, the channel carries progress.
class GuardLine final : public TaskLine {
 public:
  GuardLine(Channel& channel, std::uint64_t task, std::uint64_t key) : channel_(channel), task_(task), key_(key) {}

  [[nodiscard]] bool stop_requested() const noexcept override { return guard_link().is_to_stop(key_); }

  void set_progress(double done) override {
    auto const now = Clock::now();
    if (now - last_report_ < progress_interval && done < 1) return;
    last_report_ = now;
    append_frame(channel_.output(), FrameType::progress, task_, &done, sizeof done, {});
    channel_.flush();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Channel& channel_;
  std::uint64_t task_;
  std::uint64_t key_;
  Clock::time_point last_report_{};
};

/// Returns true if the master wants this rank's value.
bool is_value_wanted(TaskHeader const& header, int rank) {
  return header.want_value == WantValue::all_ranks || (header.want_value == WantValue::rank_0 && rank == 0);
}

}  // namespace

void SpanCollector::add(SpanRecord span) {
  std::scoped_lock const lock{mutex_};
  spans_.push_back(std::move(span));
}

std::vector<SpanRecord> SpanCollector::take() {
  std::scoped_lock const lock{mutex_};
  return std::exchange(spans_, {});
}

TaskServer::TaskServer(std::uint64_t id, Comm const& group, std::string output_directory, Channel& channel)
    : id_(id),
      group_(group),
      group_name_(group_name(id)),
      output_directory_(std::move(output_directory)),
      channel_(channel) {}

void TaskServer::initialize(Frame const& frame) {
  auto payload = frame.payload;
  auto const header = take<TaskHeader>(payload);
  call(header, frame.id, payload, nullptr);
}

void TaskServer::run(Frame const& frame) {
  auto payload = frame.payload;
  auto const header = take<TaskHeader>(payload);
  key_ = task_key(id_, tasks_seen_++);
  if (!guard_link().begin(key_)) return;
  value_.clear();
  if (header.traced != 0) set_span_sink(&spans_);
  auto const start = Clock::now();
  std::optional<Failure> failure;
  try {
    call(header, frame.id, payload, is_value_wanted(header, group_.rank()) ? &value_ : nullptr);
    if (value_.size() + sizeof(AnswerHeader) > max_frame_size) {
      throw SerializationError(
          fmt::format("a result of {} bytes is larger than the largest message ({})", value_.size(), max_frame_size));
    }
  } catch (...) {
    failure = current_failure();
    value_ = pack(*failure);
  }
  flush_output();
  for (auto const& file : task_files_.take_files()) {
    append_frame(channel_.output(), FrameType::staged, frame.id, file);
  }
  auto const end = Clock::now();
  if (header.traced != 0) send_times(frame.id, start, end);
  AnswerHeader const answer{static_cast<std::uint64_t>((end - start).count())};
  append_frame(channel_.output(), failure ? FrameType::error : FrameType::value, frame.id, &answer, sizeof answer,
               value_);
  channel_.flush();  // at once: the next task may take long, or wait for what the master does with this answer
  // a failed task may have left messages in its communicator; in a group of one, no other rank need take part
  if (failure && group_.size() == 1) comms_.clear();
}

void TaskServer::call(TaskHeader const& header, std::uint64_t task, std::string_view payload, Bytes* value) {
  TaskStage const stage{group_name_, task, header.attempt};
  GuardLine line{channel_, task, key_};
  TaskContext task_context{task, header.attempt, group_.rank(), group_.size(), &line};
  RankContext context{&task_context, &comm(header.comm_slot, header.comm_epoch), &kept_, &task_files_};
  auto const invoke = invoker({header.module, header.offset});
  if (output_directory_.empty()) {
    invoke(payload, context, value);
  } else {
    OutputFile const file{output_directory_, task, group_.rank()};
    invoke(payload, context, value);
  }
}

void TaskServer::send_times(std::uint64_t task, Clock::time_point start, Clock::time_point end) {
  set_span_sink(nullptr);
  auto const nanoseconds = [](Clock::time_point time) {
    return std::chrono::nanoseconds{time.time_since_epoch()}.count();
  };
  TaskTimes const times{nanoseconds(start), nanoseconds(end), spans_.take()};
  append_frame(channel_.output(), FrameType::times, task, pack(times));
}

Invoker TaskServer::invoker(CodeAddress address) {
  auto& known = invokers_[address.offset];
  if (known.second == nullptr || known.first != address) {
    known = {address, reinterpret_cast<Invoker>(const_cast<void*>(resolve(address)))};
  }
  return known.second;
}

/// Returns the slot's communicator, and makes it anew if its epoch has changed. That is collective: all ranks of the
/// group receive the same slots and epochs in the same order.
Comm const& TaskServer::comm(std::uint16_t slot, std::uint32_t epoch) {
  if (slot >= comms_.size()) comms_.resize(slot + 1U);
  auto& entry = comms_[slot];
  if (entry.comm.native() == MPI_COMM_NULL || entry.epoch != epoch) {
    entry.comm = group_.duplicate();
    entry.epoch = epoch;
    throw_on_error(entry.comm);
  }
  return entry.comm;
}

}  // namespace farm::detail
