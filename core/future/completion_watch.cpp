#include <farm/detail/completion_watch.hpp>
#include <farm/detail/wait_helper.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace farm::detail {

class CompletionWatch::Node final : public CallbackNode {
 public:
  Node() { run_when_settled(); }
  void attach(Shared& shared, std::size_t index) noexcept {
    shared_ = &shared;
    index_ = index;
  }
  void run(FutureState& state) override;
  void release() noexcept override;

 private:
  Shared* shared_ = nullptr;
  std::size_t index_ = 0;
};

// Shared with the nodes: outlives the watch while another thread runs one of its nodes.
struct CompletionWatch::Shared {
  explicit Shared(std::vector<FutureState*> watched)
      : states{std::move(watched)},
        nodes{std::make_unique<Node[]>(states.size())},
        finished_states(states.size(), false) {
    finished.reserve(states.size());  // so that callbacks need not allocate
  }

  void add_finished(std::size_t index, FutureState const& state) {
    finished.push_back(index);
    finished_states[index] = true;
    error_seen = error_seen || state.status() == FutureState::Status::error;
  }
  [[nodiscard]] bool enough() const { return finished.size() >= wanted || (error_suffices && error_seen); }
  void drop_references(std::size_t count) noexcept {
    if (references.fetch_sub(count, std::memory_order_acq_rel) == count) delete this;
  }

  std::vector<FutureState*> states;
  std::unique_ptr<Node[]> nodes;
  std::atomic<std::size_t> references{1};

  std::mutex mutex;  // guards the members below
  std::condition_variable changed;
  std::vector<std::size_t> finished;
  std::vector<bool> finished_states;
  std::size_t given = 0;
  std::size_t wanted = 0;
  bool error_suffices = false;
  bool error_seen = false;
  bool sleeping = false;
  WaitHelper* loop = nullptr;  ///< whose thread waits; null: another thread does, or none
};

void CompletionWatch::Node::run(FutureState& state) {
  std::unique_lock lock{shared_->mutex};
  shared_->add_finished(index_, state);
  bool const wake = shared_->sleeping && shared_->enough();
  if (wake && shared_->loop != nullptr) return shared_->loop->check_again();
  lock.unlock();
  if (wake) shared_->changed.notify_one();
}

void CompletionWatch::Node::release() noexcept { shared_->drop_references(1); }

CompletionWatch::CompletionWatch(std::vector<FutureState*> states) : shared_{new Shared{std::move(states)}} {
  for (std::size_t i = 0; i < shared_->states.size(); ++i) {
    auto& state = *shared_->states[i];
    auto& node = shared_->nodes[i];
    node.attach(*shared_, i);
    shared_->references.fetch_add(1, std::memory_order_relaxed);
    if (state.add_node(node)) continue;
    shared_->references.fetch_sub(1, std::memory_order_relaxed);
    std::lock_guard lock{shared_->mutex};
    shared_->add_finished(i, state);
  }
}

CompletionWatch::~CompletionWatch() {
  std::unique_lock lock{shared_->mutex};
  auto const finished = shared_->finished_states;
  lock.unlock();
  std::size_t references = 1;
  for (std::size_t i = 0; i < finished.size(); ++i) {
    if (!finished[i] && shared_->states[i]->remove_node(shared_->nodes[i])) ++references;
  }
  shared_->drop_references(references);
}

void CompletionWatch::wait_for(std::size_t count, bool or_error, Deadline deadline) {
  run_deferred_callbacks();
  std::unique_lock lock{shared_->mutex};
  shared_->wanted = count;
  shared_->error_suffices = or_error;
  shared_->sleeping = true;
  auto const enough = [this] { return shared_->enough(); };
  if (auto* const loop = own_loop(); loop != nullptr && !enough()) {
    wait_on_loop(*loop, lock, shared_->mutex, shared_->loop, enough, deadline);
  } else if (deadline == never) {
    shared_->changed.wait(lock, enough);
  } else {
    shared_->changed.wait_until(lock, deadline, enough);
  }
  shared_->sleeping = false;
}

std::optional<std::size_t> CompletionWatch::next(Deadline deadline) {
  // No lock is needed to read `given`, because only this thread writes it.
  wait_for(shared_->given + 1, false, deadline);
  std::lock_guard lock{shared_->mutex};
  if (shared_->given == shared_->finished.size()) return std::nullopt;
  return shared_->finished[shared_->given++];
}

}  // namespace farm::detail
