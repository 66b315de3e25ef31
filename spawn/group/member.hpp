#pragma once

#include "core/task/frame.hpp"
#include "spawn/wire/stream.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// The master's side of one rank: the streams to it and to its guard.
struct Member {
  std::shared_ptr<Stream> stream;
  std::shared_ptr<Stream> lifeline;  ///< the stream to the guard
  bool guarded = true;
  bool stream_closed = false;
  bool lifeline_closed = false;
  std::int32_t pid = 0;
  std::string host;
  std::vector<int> processors;     ///< the logical processors that the rank was started with
  std::string cores;               ///< the cores that these are of, if the master is on another host
  std::optional<ExitReport> exit;  ///< what the guard has reported
  int static_rank = -1;            ///< the number of a static rank among the static ranks
  std::uint64_t unanswered = 0;    ///< answers that the rank has not given yet
  bool dissolved = false;          ///< the rank has left its group and stays alive

  [[nodiscard]] bool complete() const { return stream && (lifeline || !guarded); }
  [[nodiscard]] bool alive() const { return complete() && !stream_closed && !lifeline_closed && !exit; }
};

/// Kills the rank: by its guard, or by SIGKILL if it has no guard but runs on this host. A rank that is a thread of
/// this process, or that can be reached by neither, loses its stream and leaves by itself after its task.
void end_rank(Member& member);

}  // namespace farm::detail
