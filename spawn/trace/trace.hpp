#pragma once

#include "core/task/frame.hpp"
#include "core/task/task.hpp"

#include <farm/detail/span.hpp>

#include <sys/types.h>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace farm::detail {

/// Writes the master's timeline as Chrome trace events (README.md describes them) to the file that FARM_TRACE names.
/// The functions about groups take the group's id; they ignore groups that are unknown. A thread of the trace writes
/// each event to the file within half a second, so the file of a killed master lacks only the last ones. Thread-safe.
class Trace final : public SpanSink {
 public:
  /// Opens the file if FARM_TRACE is set and this process has no trace yet. Called by a master before its first group.
  /// Throws UsageError if the file cannot be written.
  static void open();
  /// Completes the file, as the end of the process does otherwise. Call it once no pool is left, if the process ends by
  /// _exit().
  static void close();
  /// Returns this process's trace; null if nothing is traced.
  [[nodiscard]] static Trace* current() noexcept;

  ~Trace() override;

  /// Returns a number for a new pool: tasks are numbered within their pool.
  [[nodiscard]] int add_pool();

  /// A task was submitted to a pool.
  void submitted();
  /// The task has ended. Writes an event unless the answers of the ranks tell it all: the task may have ended before a
  /// rank ran it, or otherwise than its ranks know.
  void ended(int pool, Task const& task);

  /// The group was asked for.
  void starting(std::uint64_t id, int ranks);
  /// The group could not be started.
  void not_started(std::uint64_t id, std::string_view why);
  /// All ranks have joined; `hosts` has one name for each.
  void ready(std::uint64_t id, std::vector<std::string> hosts);
  /// The task was sent to the group.
  void sent(std::uint64_t id, int pool, Task const& task, std::uint32_t attempt);
  /// The rank reports the times of a task whose answer it will send next.
  void times(std::uint64_t id, int rank, std::uint64_t task, TaskTimes times);
  /// The rank has answered the task.
  void answered(std::uint64_t id, int rank, std::uint64_t task, bool is_error);
  /// The group will not run these tasks.
  void recalled(std::uint64_t id, std::vector<std::uint64_t> const& tasks);
  /// The group was lost; `how` says why.
  void lost(std::uint64_t id, std::string_view how);
  /// All processes of the group have ended.
  void gone(std::uint64_t id);
  /// Adds a span of this process.
  void add(SpanRecord span) override;

 private:
  /// How a rank's clock differs from the master's. Each task gives bounds: it started after it was sent, and it ended
  /// before its answer was received.
  struct RankClock {
    bool same_host = true;
    std::int64_t min_offset = INT64_MIN / 4;  ///< nanoseconds to add to the rank's time
    std::int64_t max_offset = INT64_MAX / 4;
    std::int64_t idle_since = 0;
    [[nodiscard]] std::int64_t offset() const { return same_host ? 0 : min_offset + (max_offset - min_offset) / 2; }
  };
  /// A task that the group has not answered yet.
  struct SentTask {
    std::uint64_t task;
    int pool;
    std::uint32_t attempt;
    std::string name;        ///< of its function
    std::string given_name;  ///< by TaskOptions::name; empty: none
    std::int64_t queued;
    std::int64_t sent;
    std::map<int, TaskTimes> times;  ///< by rank
    std::vector<bool> answered_by;
  };
  struct Group {
    int ranks = 0;
    std::int64_t starting = 0;
    bool is_ready = false;
    std::vector<RankClock> clocks{};
    std::deque<SentTask> sent{};  ///< in the order in which the ranks run the tasks
  };
  struct Event;

  explicit Trace(std::FILE* file);
  void flush_in_time();
  void wake_flusher();
  void write_count();
  void close_tasks(std::uint64_t id, Group& group, char const* outcome);
  void write_task(std::uint64_t group, int rank, SentTask const& sent, std::int64_t started, std::int64_t ended,
                  std::int64_t received, char const* outcome);
  void write(Event const& event);
  void name_lane(std::uint64_t process, int lane, std::string_view name);
  void name_process(std::uint64_t process, std::string_view name);

  std::mutex mutex_;
  std::FILE* file_;
  bool first_ = true;
  bool is_flushed_ = true;  ///< no event and no count waits to be written to the file
  std::uint64_t submitted_ = 0;
  std::uint64_t count_written_ = 0;  ///< what the file says about submitted_
  bool ends_ = false;
  pid_t owner_;  ///< the process that opened the file: its forked children write nothing
  std::int64_t begin_;
  int pools_ = 0;
  std::map<std::uint64_t, Group> groups_;
  std::map<std::thread::id, int> lanes_;  ///< of this process
  std::condition_variable wakes_;         ///< notified when is_flushed_ becomes false, or ends_ true
  std::unique_ptr<std::thread> thread_;   ///< runs flush_in_time()
};

}  // namespace farm::detail
