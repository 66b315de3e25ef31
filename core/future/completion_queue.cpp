#include <farm/detail/completion_queue.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>

namespace farm::detail {

struct CompletionQueue::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::size_t> done;
};

CompletionQueue::CompletionQueue() : shared_(std::make_shared<Shared>()) {}

void CompletionQueue::add(FutureState& state, std::size_t id) {
  state.add_callback([shared = shared_, id] {
    std::scoped_lock const lock{shared->mutex};
    shared->done.push_back(id);
    shared->changed.notify_one();
  });
}

std::optional<std::size_t> CompletionQueue::next(Deadline deadline) {
  run_deferred_callbacks();
  std::unique_lock lock{shared_->mutex};
  auto const ready = [this] { return !shared_->done.empty(); };
  if (deadline == never) {
    shared_->changed.wait(lock, ready);
  } else if (!shared_->changed.wait_until(lock, deadline, ready)) {
    return std::nullopt;
  }
  auto const id = shared_->done.front();
  shared_->done.pop_front();
  return id;
}

}  // namespace farm::detail
