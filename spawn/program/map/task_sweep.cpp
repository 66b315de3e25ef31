#include "spawn/program/map/task_sweep.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/program/output.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <poll.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

namespace farm::detail {
namespace {

/// Inputs whose tasks are queued or run. Further inputs are read when tasks have ended.
constexpr std::size_t most_running = 8192;

template <class... Errors>
bool is_any_of(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& error) {
    return ((dynamic_cast<Errors const*>(&error) != nullptr) || ...);
  } catch (...) {
    return false;
  }
}

bool is_cancellation(std::exception_ptr const& error) { return is_any_of<CancelledError, ShutdownError>(error); }

/// Returns what errors and the trace call the task of these inputs.
std::string name_of(std::vector<Input> const& inputs) {
  auto const& first = inputs.front();
  auto const& last = inputs.back();
  bool const is_one = inputs.size() == 1;
  if (!first.line)
    return is_one ? fmt::format("input {}", first.index) : fmt::format("inputs {}-{}", first.index, last.index);
  if (is_one || first.file != last.file) return fmt::format("{}:{}", first.file, *first.line);
  return fmt::format("{}:{}-{}", first.file, *first.line, last.line.value_or(*first.line));
}

/// Returns the milliseconds until a time, rounded up; -1 for a time that never comes.
int milliseconds_until(std::chrono::steady_clock::time_point time) {
  if (time == std::chrono::steady_clock::time_point::max()) return -1;
  auto const left = std::chrono::ceil<std::chrono::milliseconds>(time - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
}

}  // namespace

TaskSweep::TaskSweep(Parts parts, MapArguments const& arguments, std::size_t known_inputs, bool is_complete)
    : parts_(std::move(parts)),
      arguments_(arguments),
      known_inputs_(known_inputs),
      is_complete_(is_complete),
      bar_(arguments.quiet, arguments.progress) {}

void TaskSweep::run() {
  for (;;) {
    heed_signals();
    feed();
    take_ended();
    if (running_.empty() && (inputs_ended_ || is_stopped())) break;
    if (parts_.output.has_lines()) bar_.clear();
    parts_.output.flush();
    bar_.show([this] { return progress(); });
    wait();
  }
  bar_.clear();
  parts_.output.finish();
}

bool TaskSweep::is_stopped() const { return is_draining_ || parts_.signals.interrupted_by() != 0; }

/// Shows the progress if a signal asks for it, and lets no further task start if a signal drains.
void TaskSweep::heed_signals() {
  if (parts_.signals.take_request()) {
    bar_.clear();
    print_error_line(progress().text());
  }
  if (parts_.signals.drained_by() != 0 || has_failed_too_often()) drain();
}

bool TaskSweep::has_failed_too_often() const {
  return arguments_.max_fails != 0 && counts_.failed >= arguments_.max_fails;
}

/// Lets the tasks that run come to their end, and starts no others.
void TaskSweep::drain() {
  if (!std::exchange(is_draining_, true)) parts_.pool.shutdown(false, true);
}

SweepProgress TaskSweep::progress() const {
  std::size_t running = 0;
  double running_progress = 0;
  for (auto const& [index, task] : running_) {
    if (task.state->status() != FutureState::Status::running) continue;
    ++running;
    running_progress += task.state->progress();
  }
  auto const groups = static_cast<std::size_t>(std::max(1, parts_.pool.max_ranks() / parts_.pool.ranks_per_task()));
  return {.done = counts_.done,
          .failed = counts_.failed,
          .running = std::min(running, groups),  // others wait at their groups
          .running_progress = running_progress,
          .total = total(),
          .is_total_known = is_complete_ || inputs_ended_,
          .elapsed = std::chrono::steady_clock::now() - begin_};
}

void TaskSweep::complain_once_cleared(std::string const& text) {
  bar_.clear();
  complain(text);
}

/// Reads inputs and submits their tasks, until there is no room, no further line yet, or nothing more.
void TaskSweep::feed() {
  waits_for_input_ = false;
  std::vector<Input> chunk;
  while (!inputs_ended_ && !is_stopped() && inputs_running_ + chunk.size() < most_running) {
    Input input;
    auto const state = parts_.inputs.next(input);
    if (state == InputSource::State::wait && !no_groups_) {
      waits_for_input_ = true;
      break;
    }
    if (state != InputSource::State::input) {
      inputs_ended_ = true;
      break;
    }
    ++counts_.taken;
    if (input.error || no_groups_) {
      auto const error = input.error ? input.error : no_groups_;
      if (input.error) report_error(input, error);
      end(input, {.error = error});
      continue;
    }
    chunk.push_back(std::move(input));
    if (chunk.size() == arguments_.inputs_per_task()) submit(std::exchange(chunk, {}));
  }
  if (!chunk.empty()) submit(std::move(chunk));
}

/// Submits a task for the inputs. They count as not started if the program is being interrupted.
void TaskSweep::submit(std::vector<Input> inputs) {
  auto const index = std::uint64_t{inputs.front().index};
  StatePtr state;
  try {
    state = submit_call(inputs);
  } catch (std::exception const&) {
    if (!is_stopped()) throw;
    for (auto const& input : inputs) parts_.output.add(input.index, std::nullopt);
    return;
  }
  inputs_running_ += inputs.size();
  if (inputs.size() == 1) {  // the task has packed its arguments
    inputs.front().call.submit = nullptr;
    inputs.front().call.add_to_chunk = nullptr;
  }
  running_.emplace(index, Running{std::move(inputs), state});
  state->add_callback([completions = parts_.completions, index] { completions->add(index); });
}

StatePtr TaskSweep::submit_call(std::vector<Input> const& inputs) {
  auto options = arguments_.task_options;
  options.name = name_of(inputs);
  if (inputs.size() == 1) return inputs.front().call.submit(parts_.pool, options);
  auto chunk = parts_.task.begin_chunk();
  for (auto const& input : inputs) input.call.add_to_chunk(chunk);
  return parts_.pool.engine().submit(parts_.task.chunk_code(), std::move(chunk), options, false);
}

void TaskSweep::take_ended() {
  for (auto const index : parts_.completions->take()) {
    auto const found = running_.find(index);
    auto ended = std::move(found->second);
    running_.erase(found);
    inputs_running_ -= ended.inputs.size();
    if (!split(ended)) take_results(ended);
  }
}

/// Submits the inputs of a chunk that failed as a whole again, each as a task of its own. Returns false if all inputs
/// would fail alike.
bool TaskSweep::split(Running& ended) {
  if (ended.inputs.size() == 1 || ended.state->status() != FutureState::Status::error || is_stopped()) return false;
  auto const error = error_or_cancellation_of(*ended.state);
  if (is_any_of<BrokenExecutor, SpawnError, ShutdownError, CancelledError>(error)) return false;
  for (auto& input : ended.inputs) {
    std::vector<Input> one;
    one.push_back(std::move(input));
    submit(std::move(one));
  }
  return true;
}

void TaskSweep::take_results(Running const& ended) {
  auto const count = ended.inputs.size();
  auto run = run_info(*ended.state);
  run.seconds /= static_cast<double>(count);
  auto results =
      parts_.task.show({ended.state, static_cast<std::int64_t>(count), count > 1}, parts_.gathered != nullptr);
  for (std::size_t i = 0; i < count; ++i) {
    auto const& input = ended.inputs[i];
    auto& result = results.at(i);
    if (parts_.tags != nullptr) {
      bar_.clear();
      print_output_of_tasks(parts_.tags->take(input, run));
    }
    if (result.error && is_stopped() && is_cancellation(result.error)) {
      if (run.attempts > 0) ++counts_.ended;
      parts_.output.add(input.index, std::nullopt);
      continue;
    }
    if (result.error) report_error(input, result.error);
    if (result.array && parts_.gathered != nullptr) parts_.gathered->add(input, std::move(result.array));
    end(input, {.value = std::move(result.value), .error = result.error, .run = run});
  }
}

/// Counts an input whose task has ended, and shows the result.
void TaskSweep::end(Input const& input, TaskOutcome const& outcome) {
  ++(outcome.error ? counts_.failed : counts_.done);
  std::optional<std::string> line;
  if (arguments_.json || !arguments_.output.empty()) {
    line = record_json(input, outcome);
  } else if (!outcome.error && arguments_.shows_values) {
    line = result_text(outcome.value);
    if (parts_.tags != nullptr) {
      line = with_tags(input.text, *line + '\n');
      line->pop_back();
    }
  }
  parts_.output.add(input.index, std::move(line));
}

/// Prints the error of an input. An error that all later tasks would have too is printed once.
void TaskSweep::report_error(Input const& input, std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (SpawnError const& error) {
    if (!std::exchange(no_groups_, thrown)) complain_once_cleared(error.what());
  } catch (std::exception const& error) {
    complain_once_cleared(input.error ? error.what() : fmt::format("{}: {}", input.title(), text_of(error)));
  }
}

void TaskSweep::wait() {
  std::array<pollfd, 2> requests{
      pollfd{.fd = parts_.completions->descriptor(), .events = POLLIN, .revents = 0},
      pollfd{.fd = waits_for_input_ ? parts_.inputs.descriptor() : -1, .events = POLLIN, .revents = 0}};
  poll(requests.data(), requests.size(), milliseconds_until(std::min(parts_.output.next_sync(), bar_.next())));
}

std::string TaskSweep::summary() const {
  if (total() == 0 && !is_stopped()) return "no inputs";
  auto const others = total() - counts_.done - counts_.failed - counts_.ended;
  auto const ended = counts_.ended == 0 ? std::string{} : fmt::format("{} ended while running, ", counts_.ended);
  bool const is_interrupted = parts_.signals.drained_by() != 0 || parts_.signals.interrupted_by() != 0;
  auto const* const why = is_interrupted ? "interrupted: " : is_draining_ ? "stopped by --max-fails: " : "";
  return fmt::format("{}{} done, {} failed, {}{} not started", why, counts_.done, counts_.failed, ended, others);
}

}  // namespace farm::detail
