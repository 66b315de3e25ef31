#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace farm::detail {

/// In memory that a rank and its guard share.
struct SharedPage {
  /// By the rank, before a task: false where it was recalled. `key` is its task_key.
  [[nodiscard]] bool begin(std::uint64_t key) noexcept;
  /// By the guard: no task before `end` is begun any more. Returns the key of the first of those.
  [[nodiscard]] std::uint64_t recall(std::uint64_t end) noexcept;

  std::atomic<std::uint64_t> to_stop{~std::uint64_t{0}};  ///< the task_key of the last task that is to stop
  /// Low half: the number after that of the last task that was begun. High half: counts recalls, so that a rank that
  /// has looked before one and begins after it finds out.
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint32_t> recalled_from{0};  ///< this and the next are of the last recall
  std::atomic<std::uint64_t> recalled_to{0};
  std::atomic<bool> finalized{false};  ///< MPI is finalized in the rank: nothing is left to be done for it
  std::array<char, 240> note{};        ///< the rank's last words
};

}  // namespace farm::detail
