#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace farm::detail {

/// One group of an engine, as it is at a moment.
struct GroupView {
  enum class State : std::uint8_t { starting, idle, running, leaving };
  std::uint64_t group = 0;
  int ranks = 0;
  std::vector<std::string> hosts{};  ///< of each rank; empty as long as it has not connected
  State state = State::starting;
  std::uint64_t tag = 0;                          ///< of the task that it runs: see TaggedSubmission; 0: none
  std::uint32_t attempt = 0;                      ///< of that task
  float progress = 0;                             ///< of that task, from 0 to 1
  std::chrono::steady_clock::time_point since{};  ///< when that task began, roughly
  std::uint64_t tasks = 0;                        ///< how many it has run
  bool taken_over = false;                        ///< it is of an earlier master
};

}  // namespace farm::detail
