#include "spawn/rank/task_server.hpp"

#include "core/base/failure.hpp"
#include "spawn/guard/guard_link.hpp"
#include "spawn/isolation/mpi_calls.hpp"
#include "spawn/platform/throw_on_error.hpp"
#include "spawn/rank/applied_settings.hpp"
#include "spawn/rank/end_rank.hpp"
#include "spawn/rank/staged_message.hpp"
#include "spawn/rank/task_output.hpp"

#include <farm/detail/task_stage.hpp>
#include <farm/error.hpp>
#include <farm/task_context.hpp>

#include <fmt/format.h>

#include <optional>
#include <system_error>
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

/// Restores the buffers of the streams when a task has ended, before anything is flushed.
class StreamBuffersRestored {
 public:
  explicit StreamBuffersRestored(std::optional<ProcessState>& state) : state_(state) {}
  StreamBuffersRestored(StreamBuffersRestored const&) = delete;
  StreamBuffersRestored& operator=(StreamBuffersRestored const&) = delete;
  ~StreamBuffersRestored() {
    if (state_) state_->restore_stream_buffers();
  }

 private:
  std::optional<ProcessState>& state_;
};

std::uint16_t flags_of(TaskComms::Use use) {
  std::uint16_t flags = 0;
  if (use.taken) flags |= answer_flags::used_comm;
  if (use.worn_out) flags |= answer_flags::worn_out;
  return flags;
}

/// Returns the settings at the start of a payload, and removes them from there.
TaskSettings take_settings(std::string_view& payload) {
  TaskSettings settings;
  UnpackArchive in{payload};
  in(settings);
  payload = in.rest();
  return settings;
}

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

TaskServer::TaskServer(std::uint64_t id, Comm const& group, std::string output_prefix, Channel& channel,
                       RankProcess process)
    : id_(id),
      group_(group),
      group_name_(group_name(id)),
      output_prefix_(std::move(output_prefix)),
      channel_(channel),
      process_(process),
      comms_(group, process) {}

void TaskServer::initialize(Frame const& frame) {
  auto payload = frame.payload;
  auto const header = take<TaskHeader>(payload);
  TaskStage const stage{group_name_, frame.id, header.attempt};
  GuardLine line{channel_, frame.id, key_};
  TaskContext task_context{frame.id, header.attempt, group_.rank(), group_.size(), &line};
  RankContext context{&task_context, &comms_.for_initializer(), &kept_, &task_files_};
  std::optional<OutputFile> file;
  if (!output_prefix_.empty())
    file.emplace(initializer_output_path(output_prefix_, id_, group_.rank()), OutputFile::Existing::replaced);
  call(header, context, payload, nullptr);
}

void TaskServer::run(Frame const& frame) {
  auto payload = frame.payload;
  auto const header = take<TaskHeader>(payload);
  key_ = task_key(id_, tasks_seen_++);
  if (!guard_link().begin(key_)) return;
  if (!state_ && process_ != RankProcess::of_master) state_.emplace();
  value_.clear();
  staged_value_ = 0;
  if (header.traced != 0) set_span_sink(&spans_);
  auto const start = Clock::now();
  std::optional<Failure> failure;
  try {
    std::optional<TaskSettings> settings;
    if ((frame.flags & task_flags::has_settings) != 0) settings = take_settings(payload);
    std::optional<StagedMessage> staged;
    if ((frame.flags & task_flags::staged_call) != 0) payload = staged.emplace(payload).content();
    call_task(header, frame.id, settings ? &*settings : nullptr, payload,
              is_value_wanted(header, group_.rank()) ? &value_ : nullptr);
  } catch (...) {
    failure = current_failure();
    value_ = pack(*failure);
    staged_value_ = 0;
  }
  flush_output();
  for (auto const& file : task_files_.take_files()) {
    append_frame(channel_.output(), FrameType::staged, frame.id, file);
  }
  auto const end = Clock::now();
  if (header.traced != 0) send_times(frame.id, start, end);
  AnswerHeader const answer{static_cast<std::uint64_t>((end - start).count())};
  append_frame(channel_.output(), failure ? FrameType::error : FrameType::value, frame.id, &answer, sizeof answer,
               value_, static_cast<std::uint16_t>(flags_of(comms_.use()) | staged_value_));
  channel_.flush();  // at once: the next task may take long, or wait for what the master does with this answer
  comms_.end_task(failure.has_value());
  restore_process();
}

void TaskServer::call_task(TaskHeader const& header, std::uint64_t task, TaskSettings const* settings,
                           std::string_view payload, Bytes* value) {
  TaskStage const stage{group_name_, task, header.attempt};
  GuardLine line{channel_, task, key_};
  TaskContext task_context{task, header.attempt, group_.rank(), group_.size(), &line};
  RankContext context{&task_context, &comm_of_task(header), &kept_, &task_files_};
  if (settings != nullptr) {
    call_with_settings(*settings, header, context, payload, value);
  } else {
    call_with_output(header, context, payload, value);
  }
  if (value != nullptr && is_too_large(sizeof(AnswerHeader), *value)) {
    *value = pack(stage_message(*value));  // here, where the file is named after the task
    staged_value_ = answer_flags::staged_value;
  }
}

void TaskServer::call_with_settings(TaskSettings const& settings, TaskHeader const& header, RankContext& context,
                                    std::string_view payload, Bytes* value) {
  if (process_ == RankProcess::of_master) {
    throw UsageError(
        "a task's directory, environment and output would be those of the whole program: this rank is the master, "
        "too; use an executor with ranks of its own, or more ranks");
  }
  AppliedSettings const applied{settings, *context.context};
  if (settings.output.empty()) {
    call_with_output(header, context, payload, value);
  } else {
    call(header, context, payload, value);
  }
}

/// The output goes to a file if the pool has an output directory.
void TaskServer::call_with_output(TaskHeader const& header, RankContext& context, std::string_view payload,
                                  Bytes* value) {
  if (output_prefix_.empty()) return call(header, context, payload, value);
  auto const task = context.context->task();
  if (header.attempt == 1) remove_further_attempts(output_prefix_, task, group_.rank());
  OutputFile const file{task_output_path(output_prefix_, task, header.attempt, group_.rank()),
                        OutputFile::Existing::replaced};
  call(header, context, payload, value);
}

void TaskServer::call(TaskHeader const& header, RankContext& context, std::string_view payload, Bytes* value) {
  auto const invoke = invoker({header.module, header.offset});
  StreamBuffersRestored const streams{state_};
  TaskCallsMpi const mpi;
  forget_noted_error();
  invoke(payload, context, value);
  throw_noted_error();
  if (char const* const refused = mpi.refused()) {
    throw UsageError(
        fmt::format("{} was called, which did nothing: the farm initializes and finalizes MPI; remove the call, or "
                    "make it only if MPI_Initialized and MPI_Finalized say so",
                    refused));
  }
}

/// A rank that has no communicator for its task ends if its group can be replaced: the task then runs on a new one.
Comm const& TaskServer::comm_of_task(TaskHeader const& header) try {
  return comms_.begin_task(header.comm_slot, header.comm_epoch);
} catch (UsageError const& error) {
  if (process_ == RankProcess::of_group && guard_link().guarded()) end_rank(error.what(), 1);
  throw;
}

void TaskServer::restore_process() {
  if (!state_) return;
  try {
    state_->restore();
  } catch (std::system_error const& error) {
    if (process_ == RankProcess::of_session) throw;
    end_rank(error.what(), 1);
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
  auto const found = [address] { return reinterpret_cast<Invoker>(const_cast<void*>(resolve(address))); };
  if (address.module != program_module()) return found();  // a library may be unloaded at any time
  auto& known = invokers_[address.offset];
  if (known.second == nullptr || known.first != address) {
    known = {address, found()};
  }
  return known.second;
}

}  // namespace farm::detail
