#pragma once

#include "core/base/descriptor.hpp"
#include "spawn/program/service/top/top_state.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace farm::detail {

/// Asks the server again and again, on a thread of its own: a server that does not answer must not keep the user from
/// leaving.
class StateReader {
 public:
  StateReader(Requests requests, std::chrono::milliseconds interval);
  /// Waits for the request that is on its way, whose time limit is that of the requests.
  ~StateReader();
  StateReader(StateReader const&) = delete;
  StateReader& operator=(StateReader const&) = delete;

  /// What the last requests have brought.
  struct Result {
    std::optional<TopState> state{};  ///< none: nothing new
    std::string problem{};            ///< why the server could not be asked; empty: it could
  };
  /// Returns what is new since the last call.
  Result take();
  /// Becomes readable when there is something to take.
  [[nodiscard]] int descriptor() const { return woken_.get(); }
  /// Asks at once.
  void hurry();
  /// Returns true if a request is on its way.
  [[nodiscard]] bool is_asking() const;

 private:
  void run();
  void put(Result result);

  Requests requests_;
  std::chrono::milliseconds interval_;
  Descriptor woken_;
  mutable std::mutex mutex_{};
  std::condition_variable condition_{};
  Result result_{};
  bool is_hurried_ = false;
  bool is_asking_ = false;
  bool is_ended_ = false;
  std::thread thread_{};
};

}  // namespace farm::detail
