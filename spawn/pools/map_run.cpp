#include <farm/detail/map_run.hpp>

#include "core/base/failure.hpp"
#include "core/base/option_check.hpp"

#include <farm/detail/future_value.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace farm::detail {

void check_map_options(MapOptions const& options) {
  check_above_zero("chunksize", options.chunksize);
  check_zero_or_above("buffersize", options.buffersize, "no limit");
  if (options.timeout && options.timeout->count() < 0) throw UsageError("the timeout of map is negative");
}

std::exception_ptr packing_failure(std::int64_t input) {
  return std::make_exception_ptr(current_serialization_error(fmt::format("input {} could not be packed", input)));
}

MapRun::MapRun(std::shared_ptr<Engine> engine, CodeAddress code, std::unique_ptr<ChunkSource> inputs,
               MapOptions options)
    : engine_(std::move(engine)), code_(code), inputs_(std::move(inputs)), options_(std::move(options)) {
  check_map_options(options_);
  chunksize_ = options_.buffersize == 0 ? options_.chunksize : std::min(options_.chunksize, options_.buffersize);
  deadline_ = options_.timeout ? deadline_after(*options_.timeout) : never;
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
  while (inputs_ && has_room()) take_chunk();
}

void MapRun::take_chunk() {
  auto chunk = inputs_->take(taken_, chunksize_);
  if (chunk.ended || chunk.broken) inputs_.reset();
  input_error_ = chunk.broken;
  if (chunk.inputs > 0) {
    add(engine_->submit(code_, std::move(chunk.call), {.priority = options_.priority}, false), chunk.inputs);
  }
  if (chunk.not_packed) {
    auto failed = make_intrusive<FutureState>();
    failed->set_error(chunk.not_packed);
    add(std::move(failed), 1);
  }
}

void MapRun::add(StatePtr state, std::int64_t inputs) {
  taken_ += inputs;
  if (options_.unordered) completed_.add(*state, popped_ + chunks_.size());
  chunks_.push_back({std::move(state), inputs});
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

StatePtr MapRun::next_chunk() {
  given_ += std::exchange(current_, 0);
  refill();
  if (chunks_.empty()) {
    if (auto error = std::exchange(input_error_, nullptr)) std::rethrow_exception(error);
    return nullptr;
  }
  auto chunk = pop(wait_for_chunk());
  current_ = chunk.inputs;
  done_ += chunk.inputs;
  report();
  require_value(*chunk.state);
  return std::move(chunk.state);
}

void MapRun::result_given() {
  --current_;
  ++given_;
  refill();
}

std::size_t MapRun::wait_for_chunk() {
  if (options_.unordered) {
    if (auto const id = completed_.next(deadline_)) return *id - popped_;
    throw_timeout();
  }
  if (!chunks_.front().state->wait_until(deadline_)) throw_timeout();
  return 0;
}

MapRun::Chunk MapRun::pop(std::size_t index) {
  auto chunk = std::exchange(chunks_[index], {});
  for (; !chunks_.empty() && !chunks_.front().state; ++popped_) chunks_.pop_front();
  return chunk;
}

void MapRun::throw_timeout() const {
  throw TimeoutError(fmt::format("{} of {} results of the map did not arrive in time", taken_ - done_, taken_));
}

void MapRun::report() const {
  if (options_.progress) options_.progress({static_cast<std::size_t>(done_), taken()});
}

std::vector<StatePtr> MapRun::release() {
  std::vector<StatePtr> states;
  states.reserve(chunks_.size());
  for (auto& chunk : std::exchange(chunks_, {})) states.push_back(std::move(chunk.state));
  return states;
}

}  // namespace farm::detail
