#include "spawn/service/http/event_queue.hpp"

#include <utility>

namespace farm::detail::http {
namespace {

class Stream final : public EventStream {
 public:
  explicit Stream(std::shared_ptr<EventQueue> queue) : queue_(std::move(queue)) {}
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;
  ~Stream() override { queue_->finish(); }
  bool send(std::string_view text) override { return queue_->add(text); }
  void close() override { queue_->finish(); }

 private:
  std::shared_ptr<EventQueue> queue_;
};

}  // namespace

bool EventQueue::add(std::string_view text) {
  bool is_taken = true;
  {
    std::scoped_lock const lock{mutex_};
    if (is_lost_ || is_finished_ || is_too_slow_) return false;
    if (text.empty()) return true;
    if (waiting_.size() + in_flight_ > most_waiting) {
      is_too_slow_ = true;
      waiting_ = std::string{};
      is_taken = false;
    } else {
      waiting_.append(text);
      if (std::exchange(is_notified_, true)) return true;
    }
  }
  notify_();
  return is_taken;
}

void EventQueue::finish() {
  {
    std::scoped_lock const lock{mutex_};
    if (is_lost_ || std::exchange(is_finished_, true)) return;
  }
  notify_();
}

std::string EventQueue::take() {
  std::scoped_lock const lock{mutex_};
  is_notified_ = false;
  in_flight_ = waiting_.size();
  return std::exchange(waiting_, {});
}

void EventQueue::sent() {
  std::scoped_lock const lock{mutex_};
  in_flight_ = 0;
}

bool EventQueue::is_finished() const {
  std::scoped_lock const lock{mutex_};
  return is_finished_;
}

bool EventQueue::is_too_slow() const {
  std::scoped_lock const lock{mutex_};
  return is_too_slow_;
}

void EventQueue::lose() {
  std::scoped_lock const lock{mutex_};
  is_lost_ = true;
  waiting_ = std::string{};
}

std::shared_ptr<EventStream> stream_into(std::shared_ptr<EventQueue> queue) {
  return std::make_shared<Stream>(std::move(queue));
}

}  // namespace farm::detail::http
