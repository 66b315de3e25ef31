#include <farm/detail/batch_run.hpp>
#include <farm/detail/failure_limit.hpp>
#include <farm/detail/future_value.hpp>
#include <farm/error.hpp>

#include "core/base/option_check.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace farm::detail {

void check_batch_options(BatchOptions const& options) {
  check_zero_or_above("max_fails", options.max_fails, "no limit");
}

/// What the batch, its thread and the callbacks of its tasks share. A callback may come after the batch is destroyed.
struct BatchRun::Shared {
  Shared(std::shared_ptr<Engine> used_engine, int workers, std::unique_ptr<BatchSource> from, std::int64_t max_fails)
      : engine(std::move(used_engine)),
        limit(max_fails > 0 ? std::make_shared<FailureLimit>("batch", max_fails) : nullptr),
        room(std::max(workers, 1)),
        source(std::move(from)) {}

  void take_inputs(std::shared_ptr<Shared> const& self);
  bool wait_for_room();
  bool add(StatePtr const& state);
  void task_done();
  void end(std::exception_ptr why);

  std::shared_ptr<Engine> const engine;
  std::shared_ptr<FailureLimit> const limit;  // null: none
  std::thread thread;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  int room;
  std::unique_ptr<BatchSource> source;  // only the thread uses it
  std::vector<StatePtr> states;
  bool cancelled = false;
  bool ended = false;  // no more inputs will be taken
  std::exception_ptr error;
};

void BatchRun::Shared::take_inputs(std::shared_ptr<Shared> const& self) try {
  while (wait_for_room()) {
    if (auto reached = limit ? limit->error() : nullptr) return end(std::move(reached));
    auto const state = source->submit_next(*engine);
    if (!state) return end(nullptr);
    if (limit) limit->add(*state, 1, false);  // before the callback that makes room
    if (!add(state)) state->cancel();
    state->add_callback([self] { self->task_done(); });
  }
  end(std::make_exception_ptr(CancelledError("the batch was cancelled")));
} catch (...) {
  end(std::current_exception());
}

bool BatchRun::Shared::wait_for_room() {
  std::unique_lock lock{mutex};
  changed.wait(lock, [this] { return room > 0 || cancelled; });
  return !cancelled;
}

/// Returns false if the batch was cancelled in the meantime.
bool BatchRun::Shared::add(StatePtr const& state) {
  std::scoped_lock const lock{mutex};
  states.push_back(state);
  --room;
  changed.notify_all();
  return !cancelled;
}

void BatchRun::Shared::task_done() {
  std::scoped_lock const lock{mutex};
  ++room;
  changed.notify_all();
}

void BatchRun::Shared::end(std::exception_ptr why) {
  source.reset();
  std::scoped_lock const lock{mutex};
  error = std::move(why);
  ended = true;
  changed.notify_all();
}

BatchRun::BatchRun(std::shared_ptr<Engine> engine, int workers, std::unique_ptr<BatchSource> source,
                   std::int64_t max_fails)
    : shared_(std::make_shared<Shared>(std::move(engine), workers, std::move(source), max_fails)) {
  shared_->thread = std::thread{[shared = shared_] { shared->take_inputs(shared); }};
}

BatchRun::~BatchRun() {
  cancel();
  shared_->thread.join();
}

void BatchRun::cancel() {
  std::vector<StatePtr> states;
  {
    std::scoped_lock const lock{shared_->mutex};
    shared_->cancelled = true;
    shared_->changed.notify_all();
    states = shared_->states;
  }
  for (auto state = states.rbegin(); state != states.rend(); ++state) {
    if ((*state)->status() == FutureState::Status::pending) (*state)->cancel();
  }
}

bool BatchRun::done() const {
  std::scoped_lock const lock{shared_->mutex};
  auto const& states = shared_->states;
  return shared_->ended && std::all_of(states.begin(), states.end(), [](auto const& state) { return state->done(); });
}

std::vector<StatePtr> BatchRun::states() const {
  std::scoped_lock const lock{shared_->mutex};
  return shared_->states;
}

StatePtr BatchRun::wait_for(std::size_t index, Deadline deadline) const {
  auto& shared = *shared_;
  StatePtr state;
  run_deferred_callbacks();
  {
    std::unique_lock lock{shared.mutex};
    auto const known = [&] { return shared.states.size() > index || shared.ended; };
    if (deadline == never) {
      shared.changed.wait(lock, known);
    } else if (!shared.changed.wait_until(lock, deadline, known)) {
      throw TimeoutError("not all tasks of the batch were submitted in time");
    }
    if (shared.states.size() > index) {
      state = shared.states[index];
    } else if (shared.error) {
      std::rethrow_exception(shared.error);
    } else {
      return nullptr;
    }
  }
  state->wait_until(deadline);
  require_value(*state);
  return state;
}

void throw_moved_batch() { throw UsageError("this Batch was moved from"); }

}  // namespace farm::detail
