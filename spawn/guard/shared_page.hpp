#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace farm::detail {

/// Memory that a rank and its guard share. Tasks are named by their task_key. All functions are lock-free.
struct SharedPage {
  /// Called by the rank before it begins the task `key`. Returns false if the task was recalled.
  [[nodiscard]] bool begin(std::uint64_t key) noexcept;
  /// Called by the guard: the rank will not begin any task before `end` from now on. Returns the key of the first task
  /// that is recalled, which is `end` if the rank has begun them all.
  [[nodiscard]] std::uint64_t recall(std::uint64_t end) noexcept;

  std::atomic<std::uint64_t> to_stop{~std::uint64_t{0}};  ///< the latest task that is to stop
  /// Low half: the index after that of the last task that was begun. High half: the number of recalls, so that the rank
  /// notices a recall between its check and its begin.
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint32_t> recalled_from{0};  ///< by the latest recall: the index of the first task
  std::atomic<std::uint64_t> recalled_to{0};    ///< by the latest recall: the key after the last task
  std::atomic<std::int32_t> runner{0};          ///< the process that starts programs for the rank; 0: there is none
  std::atomic<bool> in_runtime{false};          ///< the rank has come to its Runtime
  std::atomic<bool> finalized{false};           ///< MPI is finalized in the rank: the guard need not do it
  std::array<char, 240> note{};                 ///< why the rank ends, if it knows; zero-terminated
};

}  // namespace farm::detail
