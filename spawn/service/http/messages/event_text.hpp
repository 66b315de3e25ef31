#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

/// Events as text (text/event-stream).
namespace farm::detail::http {

/// Returns an event as text. `event` may be empty ("message"), and so may `id` (that of the event before). `data` must
/// not be empty: clients pass over events without data. Neither `id` nor `event` may have line ends.
[[nodiscard]] std::string event_text(std::string_view id, std::string_view event, std::string_view data);

/// Finds the events in text that arrives in any pieces.
class EventParser {
 public:
  using OnEvent = std::function<bool(std::string const& id, std::string const& event, std::string const& data)>;

  /// `id` is that of the last event before.
  explicit EventParser(std::string id = {}) : id_(std::move(id)) {}
  /// Takes text, and calls `on_event` for each event that is complete. Returns false as soon as `on_event` does.
  bool put(std::string_view text, OnEvent const& on_event);

 private:
  bool take_line(std::string_view line, OnEvent const& on_event);

  std::string line_{};
  std::string id_;
  std::string event_{};
  std::string data_{};
  bool is_first_line_ = true;
  bool after_return_ = false;
};

}  // namespace farm::detail::http
