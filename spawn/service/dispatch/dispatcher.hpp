#pragma once

#include "spawn/service/dispatch/dispatch_port.hpp"
#include "spawn/service/model/job.hpp"
#include "spawn/service/queue/job_queue.hpp"
#include "spawn/service/store/store.hpp"

#include <farm/detail/group_view.hpp>
#include <farm/detail/named_task.hpp>
#include <farm/detail/outlive.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// Gives tasks of the queue to a pool, and tells the queue how they have ended. Has a thread of its own. Only so many
/// tasks are in the pool as keep its groups busy, so that a job that comes later gets its share at once.
///
/// A task whose pool cannot start any group waits: the dispatcher tries again, less and less often, and problem() says
/// why. What concerns a task alone, such as an input that does not fit, is its error.
class Dispatcher final : public DispatchPort {
 public:
  struct Options {
    MPISpawnPool::Options pool{};
    std::optional<Outlive> outlive{};   ///< none: groups end with this process
    std::filesystem::path output{};     ///< where tasks write what they print, in a directory for each job
    std::filesystem::path arrays{};     ///< where arrays that tasks return are kept, likewise
    std::vector<GroupRecord> groups{};  ///< those of earlier servers, to be taken over
  };

  /// Makes the pool. Throws what its constructor throws. The queue and the store must outlive the dispatcher. No task
  /// starts before start().
  Dispatcher(JobQueue& queue, Store& store, Options options);
  /// Calls stop(How::now) if neither was called.
  ~Dispatcher() override;

  void start();

  enum class How : std::uint8_t {
    drain,  ///< tasks that run come to their end; those that have not begun wait for the next server
    now,    ///< tasks that run are ended, too, and run again under the next server
    leave,  ///< groups that outlive this process go on; others are ended
  };
  /// Gives no further tasks to the pool. Returns at once; is_stopped() is true once no task is left in it. May be
  /// called again with a more urgent way.
  void stop(How how);
  /// Blocks until is_stopped(), for `limit` at most.
  bool wait_stopped(std::chrono::nanoseconds limit);
  [[nodiscard]] bool is_stopped() const;
  [[nodiscard]] bool is_stopping() const override;

  [[nodiscard]] std::vector<GroupView> groups() const override;
  [[nodiscard]] std::optional<RunningTask> running(TaskName task) const override;
  /// Returns how many tasks run at once at most, with the default number of ranks.
  [[nodiscard]] int most_groups() const;
  [[nodiscard]] int max_ranks() const override;
  [[nodiscard]] int ranks_per_task() const;
  /// Returns true if groups go on if this process dies.
  [[nodiscard]] bool outlives() const;
  [[nodiscard]] std::string problem() const override;
  [[nodiscard]] std::size_t taken_over() const override;
  void check(JobSpec const& spec, std::vector<TaskSpec> const& tasks) const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The tag of a task in the pool, and back.
[[nodiscard]] constexpr std::uint64_t tag_of(TaskName name) { return name.job << 32U | name.task; }
[[nodiscard]] constexpr TaskName name_of_tag(std::uint64_t tag) { return {tag >> 32U, tag & 0xffffffffU}; }

}  // namespace farm::detail
