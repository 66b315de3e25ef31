#pragma once

#include <farm/detail/future_state.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

/// Launched groups that outlive their master: a master that is killed leaves its groups to the next one, which takes
/// them over with the tasks that they run. spawn/succession/README.md describes how.
namespace farm::detail {

/// The option of an engine. It has an effect on launched groups whose ranks have guards; other groups end with their
/// master.
struct Outlive {
  /// Where groups find the next master, and where each group has a directory; mode 0700. It must exist, and all hosts
  /// of ranks must have it at the same path.
  std::filesystem::path directory{};
  /// How long a group that runs nothing waits for the next master, before it ends by itself.
  std::chrono::seconds reconnect{600};
  /// By which master and ranks know each other: the same for all masters of this directory, and nobody else's.
  std::array<unsigned char, 32> key{};
  /// A group was started. `details` is JSON, which take_over() of the next master is given. Called on the hub's thread;
  /// must not block. May be null.
  std::function<void(std::uint64_t group, std::string details)> on_group_started{};
  /// Nothing is left of the group. Likewise.
  std::function<void(std::uint64_t group)> on_group_gone{};
};

/// A group that an earlier master has started.
struct GroupRecord {
  std::uint64_t group = 0;
  std::string details{};  ///< as on_group_started() was given them
};

/// A task that a group runs, or has answered, as it says to the next master.
struct TaskClaim {
  std::uint64_t tag = 0;
  std::uint32_t attempt = 0;
  std::uint64_t group = 0;
  bool answered = false;  ///< by all ranks of the group
  bool lost = false;      ///< the group cannot go on: the task is queued for its next attempt
};

/// Finds the tasks that stand for these claims, and passes their states to `answer`, in the same order: each is that of
/// a task that was submitted within a TaggedSubmission of Kind::claimed, with the same function, arguments, options and
/// tag; or null if the task is not wanted any more. Called once, on the hub's thread; must not block. `answer` may be
/// called on any thread, once.
using FindTasks =
    std::function<void(std::vector<TaskClaim> claims, std::function<void(std::vector<StatePtr> tasks)> answer)>;

/// The groups that were taken over. Called on the hub's thread.
using OnResolved = std::function<void(std::vector<std::uint64_t> const& groups)>;

/// While an object lives, what its thread submits to engines has this tag. Objects may be nested; the latest counts.
class TaggedSubmission {
 public:
  enum class Kind : std::uint8_t {
    queued,   ///< as usual
    claimed,  ///< the task is not queued: a group that was taken over has it
  };
  /// `tag` identifies the task beyond its engine; 0: it has no tag. `earlier_attempts` are added to its attempts.
  explicit TaggedSubmission(std::uint64_t tag, std::uint32_t earlier_attempts = 0, Kind kind = Kind::queued) noexcept;
  TaggedSubmission(TaggedSubmission const&) = delete;
  TaggedSubmission& operator=(TaggedSubmission const&) = delete;
  ~TaggedSubmission();

  /// Returns that of this thread; null if there is none.
  [[nodiscard]] static TaggedSubmission const* current() noexcept;
  [[nodiscard]] std::uint64_t tag() const noexcept { return tag_; }
  [[nodiscard]] std::uint32_t earlier_attempts() const noexcept { return earlier_attempts_; }
  [[nodiscard]] bool is_claimed() const noexcept { return kind_ == Kind::claimed; }

 private:
  std::uint64_t tag_;
  std::uint32_t earlier_attempts_;
  Kind kind_;
  TaggedSubmission const* before_;
};

}  // namespace farm::detail
