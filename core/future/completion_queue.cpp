#include <farm/detail/completion_queue.hpp>
#include <farm/detail/wait_helper.hpp>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace farm::detail {

struct CompletionQueue::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::size_t> done;
  WaitHelper* loop = nullptr;  ///< whose thread waits; null: another thread does, or none
};

class CompletionQueue::Node final : public CallbackNode {
 public:
  Node(std::shared_ptr<Shared> shared, std::size_t id) : shared_(std::move(shared)), id_(id) { run_when_settled(); }
  void run(FutureState& /*state*/) override { push(*shared_, id_); }

  static void push(Shared& shared, std::size_t id) {
    std::scoped_lock const lock{shared.mutex};
    shared.done.push_back(id);
    if (shared.loop != nullptr) {
      shared.loop->check_again();
    } else {
      shared.changed.notify_one();
    }
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::size_t id_;
};

CompletionQueue::CompletionQueue() : shared_(std::make_shared<Shared>()) {}

void CompletionQueue::add(FutureState& state, std::size_t id) {
  auto node = std::make_unique<Node>(shared_, id);
  if (state.add_node(*node)) {
    static_cast<void>(node.release());
  } else {
    Node::push(*shared_, id);
  }
}

std::optional<std::size_t> CompletionQueue::next(Deadline deadline) {
  run_deferred_callbacks();
  std::unique_lock lock{shared_->mutex};
  auto const ready = [this] { return !shared_->done.empty(); };
  if (auto* const loop = own_loop(); loop != nullptr && !ready()) {
    wait_on_loop(*loop, lock, shared_->mutex, shared_->loop, ready, deadline);
  } else if (deadline == never) {
    shared_->changed.wait(lock, ready);
  } else {
    shared_->changed.wait_until(lock, deadline, ready);
  }
  if (!ready()) return std::nullopt;
  auto const id = shared_->done.front();
  shared_->done.pop_front();
  return id;
}

}  // namespace farm::detail
