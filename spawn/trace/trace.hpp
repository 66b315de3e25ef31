#pragma once

#include "core/task/frame.hpp"
#include "core/task/task.hpp"

#include <farm/detail/span.hpp>

#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace farm::detail {

/// The timeline of a master, as Chrome trace events (spawn/README.md describes them) in the file that FARM_TRACE names.
/// Thread-safe.
class Trace final : public SpanSink {
 public:
  /// By a master, before its first group; opens the file, once in a process. Throws UsageError where it cannot be
  /// written.
  static void open();
  /// Null: nothing is traced.
  [[nodiscard]] static Trace* current() noexcept;

  ~Trace() override;

  /// A number of its own for each pool, as each counts its tasks.
  [[nodiscard]] int add_pool();

  // Of groups, by their ids.

  void starting(std::uint64_t id, int ranks);
  /// It will not be there.
  void not_started(std::uint64_t id, std::string_view why);
  void ready(std::uint64_t id, std::vector<std::string> hosts);
  void sent(std::uint64_t id, int pool, Task const& task, std::uint32_t attempt);
  /// Of a task whose answer by this rank is still to come.
  void times(std::uint64_t id, int rank, std::uint64_t task, TaskTimes times);
  void answered(std::uint64_t id, int rank, std::uint64_t task, bool is_error);
  /// It will not run these tasks.
  void recalled(std::uint64_t id, std::vector<std::uint64_t> const& tasks);
  void lost(std::uint64_t id, std::string_view how);
  void gone(std::uint64_t id);
  /// By this process.
  void add(SpanRecord span) override;

 private:
  /// A rank's clock, as the master knows it from what it sent and received: begun after it was sent, ended before it
  /// was received.
  struct RankClock {
    bool same_host = true;
    std::int64_t least = INT64_MIN / 4;  ///< to add, in nanoseconds
    std::int64_t most = INT64_MAX / 4;
    std::int64_t idle_since = 0;
    [[nodiscard]] std::int64_t offset() const { return same_host ? 0 : least + (most - least) / 2; }
  };
  struct Sent {
    std::uint64_t task;
    int pool;
    std::uint32_t attempt;
    std::string name;
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
    std::deque<Sent> sent{};  ///< in the order in which the ranks run them
  };
  struct Event;

  explicit Trace(std::FILE* file);
  void close_tasks(std::uint64_t id, Group& group, char const* outcome);
  void write_task(std::uint64_t group, int rank, Sent const& sent, std::int64_t started, std::int64_t ended,
                  std::int64_t received, char const* outcome);
  void write(Event const& event);
  void name_lane(std::uint64_t process, int lane, std::string_view name);
  void name_process(std::uint64_t process, std::string_view name);

  std::mutex mutex_;
  std::FILE* file_;
  bool first_ = true;
  std::int64_t begin_;
  int pools_ = 0;
  std::map<std::uint64_t, Group> groups_;
  std::map<std::thread::id, int> lanes_;  ///< of this process
};

}  // namespace farm::detail
