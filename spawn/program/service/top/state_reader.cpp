#include "spawn/program/service/top/state_reader.hpp"

#include "core/text/exception_text.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>

namespace farm::detail {

StateReader::StateReader(Requests requests, std::chrono::milliseconds interval)
    : requests_(std::move(requests)), interval_(interval), woken_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!woken_) throw std::system_error(errno, std::generic_category(), "eventfd");
  thread_ = std::thread{[this] { run(); }};
}

StateReader::~StateReader() {
  {
    std::lock_guard const lock{mutex_};
    is_ended_ = true;
  }
  condition_.notify_one();
  thread_.join();
}

void StateReader::run() {
  std::unique_lock lock{mutex_};
  while (!is_ended_) {
    is_asking_ = true;
    is_hurried_ = false;
    lock.unlock();
    Result result;
    try {
      result.state = ask_state(requests_);
    } catch (std::exception const& error) {
      result.problem = text_of(error);
    }
    put(std::move(result));
    lock.lock();
    is_asking_ = false;
    condition_.wait_for(lock, interval_, [this] { return is_ended_ || is_hurried_; });
  }
}

void StateReader::put(Result result) {
  {
    std::lock_guard const lock{mutex_};
    result_.problem = std::move(result.problem);
    if (result.state) result_.state = std::move(result.state);
  }
  std::uint64_t const one = 1;
  [[maybe_unused]] auto const written =
      ::write(woken_.get(), &one, sizeof one);  // it is readable already if this fails
}

StateReader::Result StateReader::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] auto const taken = ::read(woken_.get(), &count, sizeof count);
  std::lock_guard const lock{mutex_};
  Result result{std::move(result_.state), result_.problem};
  result_.state.reset();
  return result;
}

void StateReader::hurry() {
  {
    std::lock_guard const lock{mutex_};
    is_hurried_ = true;
  }
  condition_.notify_one();
}

bool StateReader::is_asking() const {
  std::lock_guard const lock{mutex_};
  return is_asking_;
}

}  // namespace farm::detail
