#pragma once

#include "spawn/service/http/server.hpp"

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace farm::detail::http {

/// What waits to be sent to one listener of events. Thread-safe.
class EventQueue {
 public:
  /// So much may wait. A text that finds more before it ends the connection.
  static constexpr std::size_t most_waiting = std::size_t{4} << 20U;

  /// `notify` is called, on any thread, whenever there is something new to do: texts to send, an end, or too much.
  explicit EventQueue(std::function<void()> notify) : notify_(std::move(notify)) {}

  // For who sends

  /// Adds a text. Returns false once the connection is gone or given up, or the stream has been closed.
  bool add(std::string_view text);
  /// Lets the stream end after what waits.
  void finish();

  // For the connection

  /// Returns what waits. It counts as waiting until sent().
  [[nodiscard]] std::string take();
  void sent();
  /// Returns true if nothing will come after what waits.
  [[nodiscard]] bool is_finished() const;
  /// Returns true if the reader has let too much wait.
  [[nodiscard]] bool is_too_slow() const;
  /// The connection is gone.
  void lose();

 private:
  mutable std::mutex mutex_{};
  std::function<void()> notify_;
  std::string waiting_{};
  std::size_t in_flight_ = 0;
  bool is_notified_ = false;
  bool is_finished_ = false;
  bool is_too_slow_ = false;
  bool is_lost_ = false;
};

/// Returns what the application holds: the stream ends when it is closed or dropped.
[[nodiscard]] std::shared_ptr<EventStream> stream_into(std::shared_ptr<EventQueue> queue);

}  // namespace farm::detail::http
