#pragma once

#include "core/task/frame.hpp"
#include "spawn/wire/stream.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace farm::detail {

/// The master's side of one rank: the streams to it and to its guard.
struct Member {
  std::shared_ptr<Stream> stream;
  std::shared_ptr<Stream> lifeline;
  bool guarded = true;
  bool stream_closed = false;
  bool lifeline_closed = false;
  std::int32_t pid = 0;
  std::string host;
  std::optional<ExitReport> exit;
  int static_rank = -1;          ///< of a static rank: its number among them
  std::uint64_t unanswered = 0;  ///< answers that it has not given yet
  bool dissolved = false;        ///< it has no part in its group any more

  [[nodiscard]] bool complete() const { return stream && (lifeline || !guarded); }
  [[nodiscard]] bool alive() const { return complete() && !stream_closed && !lifeline_closed && !exit; }
};

/// Kills the rank, by its guard where it has one.
void end_rank(Member& member);

}  // namespace farm::detail
