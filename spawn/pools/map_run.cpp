#include <farm/detail/map_run.hpp>

#include "core/base/failure.hpp"
#include "core/base/option_check.hpp"
#include "core/task/task.hpp"

#include <farm/detail/future_value.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace farm::detail {

void check_map_options(MapOptions const& options) {
  check_above_zero("chunksize", options.chunksize);
  check_zero_or_above("buffersize", options.buffersize, "no limit");
  check_zero_or_above("max_fails", options.max_fails, "no limit");
  if (options.timeout && options.timeout->count() < 0) throw UsageError("the timeout of map is negative");
}

std::exception_ptr packing_failure(std::int64_t input) {
  return std::make_exception_ptr(current_serialization_error(fmt::format("input {} could not be packed", input)));
}

namespace {

using namespace std::chrono_literals;

/// The longest time between two reports of the progress.
constexpr auto report_interval = 1s;
/// The shortest time between two looks at which chunks run.
constexpr auto look_interval = 200ms;

/// Returns a state that was cancelled for this reason.
StatePtr cancelled_state(std::exception_ptr why) {
  auto state = make_intrusive<FutureState>();
  state->set_cancelled(std::move(why));
  return state;
}

}  // namespace

MapRun::MapRun(std::shared_ptr<Engine> engine, MapCode code, std::unique_ptr<ChunkSource> inputs, MapOptions options)
    : engine_(std::move(engine)), code_(code), inputs_(std::move(inputs)), options_(std::move(options)) {
  check_map_options(options_);
  if (options_.priority != 0) options_.task.priority = options_.priority;
  if (code_.collecting) {
    // Only a group of one rank can go on after an error: other ranks may wait in a collective for the one that threw.
    int const ranks = options_.task.ranks == 0 ? engine_->options().ranks_per_task : options_.task.ranks;
    if (ranks != 1 || options_.task.retries != 0) options_.chunksize = 1;
    in_parts_ = options_.chunksize > 1;
  }
  chunksize_ = options_.buffersize == 0 ? options_.chunksize : std::min(options_.chunksize, options_.buffersize);
  deadline_ = options_.timeout ? deadline_after(*options_.timeout) : never;
  if (options_.max_fails > 0) limit_ = std::make_shared<FailureLimit>("map", options_.max_fails);
}

MapRun::~MapRun() {
  // In reverse order, so that no group starts a chunk that is about to be cancelled.
  for (auto chunk = chunks_.rbegin(); chunk != chunks_.rend(); ++chunk) {
    if (chunk->state && chunk->state->status() == FutureState::Status::pending) chunk->state->cancel();
  }
}

void MapRun::begin() {
  take_inputs();
  if (input_error_ && options_.buffersize == 0) std::rethrow_exception(input_error_);
  report();
}

bool MapRun::has_room() const {
  return options_.buffersize == 0 || taken_ - given_ <= options_.buffersize - chunksize_;
}

void MapRun::take_inputs() {
  end_inputs_if_stopped();
  while (inputs_ && has_room()) {
    take_chunk();
    end_inputs_if_stopped();
  }
}

/// Inputs that are not taken ahead may be endless, so a map that was stopped takes no more of them. Of all others, each
/// gets the error.
void MapRun::end_inputs_if_stopped() {
  if (!inputs_ || !limit_ || options_.buffersize == 0) return;
  if (auto error = limit_->error()) {
    inputs_.reset();
    input_error_ = std::move(error);
  }
}

void MapRun::take_chunk() {
  auto const first = taken_;
  auto chunk = inputs_->take(first, chunksize_, in_parts_);
  if (chunk.ended || chunk.broken) inputs_.reset();
  input_error_ = chunk.broken;
  if (chunk.inputs > 0) {
    Chunk added{.state = {}, .inputs = chunk.inputs, .first = first, .head = chunk.head};
    if (in_parts_) added.keepers = chunk.call.keepers;
    added.state = submit(std::move(chunk.call), first, chunk.inputs);
    add(std::move(added));
  }
  if (chunk.not_packed) {
    auto failed = make_intrusive<FutureState>();
    failed->set_error(chunk.not_packed);
    if (limit_) limit_->add(*failed, 1, false);
    add({.state = std::move(failed), .inputs = 1});
  }
}

StatePtr MapRun::submit(PackedCall call, std::int64_t first, std::int64_t inputs) {
  if (limit_) {
    if (auto error = limit_->error()) return cancelled_state(std::move(error));
  }
  auto const address = in_parts_ ? *code_.collecting : code_.chunk;
  StatePtr state;
  if (options_.task.name.empty()) {
    state = engine_->submit(address, std::move(call), options_.task, false);
  } else {
    auto task = options_.task;
    task.name += fmt::format(" {}", first);
    state = engine_->submit(address, std::move(call), task, false);
  }
  if (limit_) limit_->add(*state, inputs, in_parts_);
  return state;
}

void MapRun::add(Chunk chunk) {
  taken_ += chunk.inputs;
  if (options_.unordered) completed_.add(*chunk.state, popped_ + chunks_.size());
  chunks_.push_back(std::move(chunk));
}

/// Submits the inputs of a chunk that failed as a whole again, each as a chunk of its own. Returns false if the chunk
/// is not in parts, or failed for a reason that concerns all.
bool MapRun::split(Chunk& chunk) {
  if (!in_parts_ || chunk.inputs < 2 || chunk.state->status() != FutureState::Status::error) return false;
  if (!concerns_one_chunk(error_of(*chunk.state))) return false;
  auto const state = std::exchange(chunk.state, {});
  std::string_view const bytes = static_cast<Task const&>(*state).call;
  auto const function = bytes.substr(0, chunk.head - sizeof(std::uint64_t));
  auto rest = bytes.substr(chunk.head);
  std::vector<Chunk> parts;
  try {
    for (auto input = chunk.first; !rest.empty(); ++input) {
      PackedCall call{.bytes = Bytes{function}, .keepers = chunk.keepers};
      pack_into(call.bytes, static_cast<std::uint64_t>(input));
      auto const before = rest;
      static_cast<void>(take_part(rest));
      call.bytes.append(before.substr(0, before.size() - rest.size()));
      Chunk part{.state = {}, .inputs = 1, .first = input};
      part.state = submit(std::move(call), input, 1);
      parts.push_back(std::move(part));
    }
  } catch (ShutdownError const&) {  // the range has outlived its executor: all inputs have the chunk's error
    chunk.state = state;
    return false;
  }
  taken_ -= chunk.inputs;
  if (options_.unordered) {
    for (auto& part : parts) add(std::move(part));
  } else {
    taken_ += chunk.inputs;
    chunks_.insert(chunks_.begin(), std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
  }
  return true;
}

/// Keeps an exception until the results end, where next_chunk() throws it.
void MapRun::refill() {
  try {
    take_inputs();
  } catch (...) {
    inputs_.reset();
    input_error_ = std::current_exception();
  }
}

ChunkState MapRun::next_chunk() {
  given_ += std::exchange(current_, 0);
  refill();
  Chunk chunk;
  do {
    if (chunks_.empty()) {
      if (auto error = std::exchange(input_error_, nullptr)) std::rethrow_exception(error);
      return {};
    }
    chunk = pop(wait_for_chunk());
  } while (split(chunk));
  current_ = chunk.inputs;
  done_ += chunk.inputs;
  if (options_.progress) count_failed(chunk);
  report();
  if (!code_.collecting) require_value(*chunk.state);
  return {std::move(chunk.state), chunk.inputs, in_parts_};
}

void MapRun::result_given() {
  --current_;
  ++given_;
  refill();
}

/// Returns the index of a chunk that is done; none if the deadline has passed.
std::optional<std::size_t> MapRun::wait_for_chunk_until(Deadline deadline) {
  if (options_.unordered) {
    auto const id = completed_.next(deadline);
    return id ? std::optional{*id - popped_} : std::nullopt;
  }
  return chunks_.front().state->wait_until(deadline) ? std::optional<std::size_t>{0} : std::nullopt;
}

/// Reports the progress each second while it waits.
std::size_t MapRun::wait_for_chunk() {
  for (;;) {
    auto const next_report = options_.progress ? deadline_after(report_interval) : never;
    if (auto const index = wait_for_chunk_until(std::min(deadline_, next_report))) return *index;
    if (deadline_ <= next_report) throw_timeout();
    report();
  }
}

MapRun::Chunk MapRun::pop(std::size_t index) {
  auto chunk = std::exchange(chunks_[index], {});
  for (; !chunks_.empty() && !chunks_.front().state; ++popped_) chunks_.pop_front();
  return chunk;
}

void MapRun::throw_timeout() const {
  throw TimeoutError(fmt::format("{} of {} results of the map did not arrive in time", taken_ - done_, taken_));
}

void MapRun::report() {
  if (!options_.progress) return;
  if (auto const now = Clock::now(); now - looked_ >= look_interval) count_running(now);
  options_.progress({.done = static_cast<std::size_t>(done_),
                     .total = taken(),
                     .failed = static_cast<std::size_t>(failed_),
                     .running = static_cast<std::size_t>(running_)});
}

void MapRun::count_running(Clock::time_point now) {
  looked_ = now;
  running_ = 0;
  for (auto const& chunk : chunks_) {
    if (chunk.state && chunk.state->status() == FutureState::Status::running) running_ += chunk.inputs;
  }
}

void MapRun::count_failed(Chunk const& chunk) {
  if (chunk.state->status() != FutureState::Status::value) {
    failed_ += chunk.inputs;
  } else if (in_parts_) {
    failed_ += count_error_parts(std::get<Bytes>(chunk.state->result()));
  }
}

std::vector<StatePtr> MapRun::release() {
  std::vector<StatePtr> states;
  states.reserve(chunks_.size());
  for (auto& chunk : std::exchange(chunks_, {})) states.push_back(std::move(chunk.state));
  return states;
}

}  // namespace farm::detail
