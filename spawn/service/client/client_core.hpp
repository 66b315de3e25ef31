#pragma once

#include "spawn/service/client/requests.hpp"

#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm::detail {

/// The connections of a Client, which its jobs and futures share. Thread-safe: each thread that asks has a connection
/// of its own meanwhile.
class ClientCore {
 public:
  explicit ClientCore(ServerPlace place) : place_(std::move(place)) {}

  /// Calls `ask` with a connection. Returns and throws what it does.
  template <class Ask>
  auto with(Ask const& ask) {
    auto requests = take();
    if constexpr (std::is_void_v<decltype(ask(*requests))>) {
      ask(*requests);
      give_back(std::move(requests));
    } else {
      auto answer = ask(*requests);
      give_back(std::move(requests));
      return answer;
    }
  }

 private:
  std::unique_ptr<Requests> take() {
    std::scoped_lock const lock{mutex_};
    if (idle_.empty()) return std::make_unique<Requests>(place_);
    auto requests = std::move(idle_.back());
    idle_.pop_back();
    return requests;
  }
  void give_back(std::unique_ptr<Requests> requests) {
    std::scoped_lock const lock{mutex_};
    place_.was_there = true;
    idle_.push_back(std::move(requests));
  }

  std::mutex mutex_;
  ServerPlace place_;
  std::vector<std::unique_ptr<Requests>> idle_;
};

}  // namespace farm::detail
