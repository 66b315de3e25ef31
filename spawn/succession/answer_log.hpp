#pragma once

#include "core/base/descriptor.hpp"

#include <farm/serialize.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

/// What a rank notes for its next master: the task that it runs, and the answers that its master has not confirmed as
/// kept. It lies in memory that the rank shares with its guard, so that the guard can tell it while the rank computes,
/// and when the rank has died.
namespace farm::detail {

/// A task that a rank was sent.
struct LoggedTask {
  std::uint64_t index = 0;  ///< among the tasks that the group was sent, from 0
  std::uint64_t id = 0;     ///< of its frame
  std::uint64_t tag = 0;    ///< 0: it has none
  std::uint32_t attempt = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(index, id, tag, attempt);
  }
};

/// A task that the rank has answered.
struct LoggedAnswer {
  LoggedTask task{};
  Bytes frames{};  ///< of the answer, as they were sent

  template <class Archive>
  void serialize(Archive& archive) {
    archive(task, frames);
  }
};

/// What a log holds.
struct LogContent {
  std::uint64_t answered = 0;           ///< the index after that of the latest answer
  std::uint64_t last_id = 0;            ///< the largest id of a task
  LoggedTask latest{};                  ///< the task that was begun last, or is about to begin
  double latest_seconds = 0;            ///< since then
  std::vector<LoggedAnswer> answers{};  ///< that were not confirmed, in the order of their tasks
  std::vector<std::int32_t> devices{};  ///< of the rank
};

/// The memory of a log, mapped. The head of the memory is in answer_log.cpp.
class LogMemory {
 public:
  struct Head;

  LogMemory() noexcept = default;
  /// Maps the memory behind the descriptor. Throws std::system_error.
  explicit LogMemory(Descriptor descriptor);
  LogMemory(LogMemory&& other) noexcept;
  LogMemory& operator=(LogMemory&& other) noexcept;
  ~LogMemory();

  [[nodiscard]] explicit operator bool() const noexcept { return head_ != nullptr; }
  [[nodiscard]] Head& head() const noexcept { return *head_; }
  [[nodiscard]] char* data() const noexcept;
  /// Returns how many bytes of data() there are.
  [[nodiscard]] std::size_t room() const noexcept;
  [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
  /// Makes room for so many bytes. Throws std::system_error.
  void grow(std::size_t room);
  /// Maps what the other process has added meanwhile. Throws std::system_error.
  void follow();

 private:
  void map(std::size_t size);

  Descriptor descriptor_;
  Head* head_ = nullptr;
  std::size_t size_ = 0;
};

/// The rank's side. Used by one thread.
class AnswerLog {
 public:
  /// Throws std::system_error.
  AnswerLog();

  /// The descriptor by which the guard finds the memory.
  [[nodiscard]] int descriptor() const noexcept { return memory_.descriptor(); }
  /// To be called before a task begins.
  void note(LoggedTask const& task) noexcept;
  /// The rank answers the task that was noted last, with these frames. Call it before they are sent. A task without a
  /// tag is only counted. Throws std::system_error if there is no memory.
  void add(std::string_view frames);
  /// Forgets the answers to these tasks, given by the lowest 32 bits of their indices.
  void confirm(std::vector<std::uint32_t> const& indices);
  void set_devices(std::vector<int> const& devices) noexcept;
  /// Calls `f` with the frames of each answer from that index on, in order.
  void each_from(std::uint64_t index, std::function<void(std::string_view frames)> const& f) const;

 private:
  void make_room(std::size_t size);

  LogMemory memory_;
  std::vector<std::uint32_t> confirmed_early_;  ///< before they were answered
};

/// The guard's side.
class AnswerLogView {
 public:
  AnswerLogView() noexcept = default;
  /// `descriptor` is one of the process `rank`, a child of this process. Throws std::system_error.
  AnswerLogView(int rank, int descriptor);

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(memory_); }
  /// Reads the log. `rank_lives`: the rank may be changing it. Throws std::system_error.
  [[nodiscard]] LogContent read(bool rank_lives);
  /// Returns the index after that of the latest answer.
  [[nodiscard]] std::uint64_t answered() const noexcept;

 private:
  LogMemory memory_;
};

}  // namespace farm::detail
