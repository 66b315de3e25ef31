#include "spawn/service/api/metrics.hpp"

#include <fmt/format.h>

#include <sys/resource.h>
#include <unistd.h>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace farm::detail {
namespace {

constexpr std::size_t jobs_at_once = 10'000;

/// Returns a text as the value of a label.
std::string label(std::string_view text) {
  std::string escaped;
  for (char const each : text) {
    if (each == '\n') {
      escaped += "\\n";
    } else {
      if (each == '\\' || each == '"') escaped += '\\';
      escaped += each;
    }
  }
  return escaped;
}

/// Writes metrics one after the other.
class Metrics {
 public:
  /// Begins a metric; its values follow.
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(out(), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void add(double value) { fmt::format_to(out(), "{} {}\n", name_, value); }
  /// Adds a value with labels: `state="waiting"`.
  void add(std::string_view labels, double value) { fmt::format_to(out(), "{}{{{}}} {}\n", name_, labels, value); }
  void gauge(std::string_view name, double value, std::string_view help) {
    begin(name, "gauge", help);
    add(value);
  }
  void counter(std::string_view name, double value, std::string_view help) {
    begin(name, "counter", help);
    add(value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }
  std::string text_;
  std::string name_;
};

StateCounts jobs_by_state(JobQueue const& queue) {
  StateCounts counts{};
  for (std::uint64_t from = 0;;) {
    auto const jobs = queue.list(from, jobs_at_once);
    for (auto const& job : jobs) ++counts.at(static_cast<std::size_t>(job.state));
    if (jobs.size() < jobs_at_once) return counts;
    from = jobs.back().number + 1;
  }
}

void add_states(Metrics& metrics, StateCounts const& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i)
    metrics.add(fmt::format(R"(state="{}")", word_of(static_cast<TaskState>(i))), static_cast<double>(counts.at(i)));
}

void add_ends(Metrics& metrics, JobQueue::EndTotals const& totals) {
  metrics.begin("farm_task_ends_total", "counter", "Tasks whose end was recorded since the server has started.");
  for (auto const state : {TaskState::finished, TaskState::failed, TaskState::cancelled})
    metrics.add(fmt::format(R"(state="{}")", word_of(state)),
                static_cast<double>(totals.tasks.at(static_cast<std::size_t>(state))));
  metrics.counter("farm_task_seconds_total", totals.seconds,
                  "Time that the tasks of farm_task_ends_total ran, in their last attempts.");
}

void add_groups(Metrics& metrics, std::vector<GroupView> const& groups) {
  constexpr std::array<std::string_view, 4> words{"starting", "idle", "running", "leaving"};
  std::array<int, words.size()> count{};
  std::array<int, words.size()> ranks{};
  for (auto const& group : groups) {
    ++count.at(static_cast<std::size_t>(group.state));
    ranks.at(static_cast<std::size_t>(group.state)) += group.ranks;
  }
  metrics.begin("farm_groups", "gauge", "Groups of ranks.");
  for (std::size_t i = 0; i < words.size(); ++i) metrics.add(fmt::format(R"(state="{}")", words.at(i)), count.at(i));
  metrics.begin("farm_ranks", "gauge", "Ranks, by the states of their groups.");
  for (std::size_t i = 0; i < words.size(); ++i) metrics.add(fmt::format(R"(state="{}")", words.at(i)), ranks.at(i));
}

double entries_of(char const* directory) {
  std::error_code error;
  std::filesystem::directory_iterator const all{directory, error};
  return error ? 0 : static_cast<double>(std::distance(begin(all), end(all)));
}

/// What the server's process has used of the machine, by the names that Prometheus gives these in all programs.
void add_process(Metrics& metrics, double since) {
  metrics.gauge("process_start_time_seconds", since, "When the server has started, in seconds since 1970.");
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto const seconds = [](timeval const& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  metrics.counter("process_cpu_seconds_total", seconds(used.ru_utime) + seconds(used.ru_stime),
                  "Processor time of the server, of user and system.");
  std::ifstream statm{"/proc/self/statm"};
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  auto const page = static_cast<double>(sysconf(_SC_PAGESIZE));
  if (statm >> all >> resident) {
    metrics.gauge("process_virtual_memory_bytes", static_cast<double>(all) * page, "Virtual memory of the server.");
    metrics.gauge("process_resident_memory_bytes", static_cast<double>(resident) * page,
                  "Resident memory of the server.");
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  metrics.gauge("process_open_fds", entries_of("/proc/self/fd"), "Open file descriptors of the server.");
  metrics.gauge("process_max_fds", static_cast<double>(limit.rlim_cur), "File descriptors that the server may open.");
  metrics.gauge("process_threads", entries_of("/proc/self/task"), "Threads of the server.");
}

}  // namespace

std::string metrics_text(ApiContext& context) {
  auto const& facts = context.facts;
  auto const health = context.store.health();
  Metrics metrics;
  metrics.begin("farm_build_info", "gauge", "1, with what the server is.");
  metrics.add(fmt::format(R"(version="{}",host="{}",source="{}",build="{}")", label(facts.version), label(facts.host),
                          label(facts.source), label(facts.build)),
              1);
  metrics.begin("farm_tasks", "gauge", "Tasks of all jobs that were not forgotten.");
  add_states(metrics, context.queue.counts());
  metrics.begin("farm_jobs", "gauge", "Jobs that were not forgotten.");
  add_states(metrics, jobs_by_state(context.queue));
  add_ends(metrics, context.queue.end_totals());
  metrics.counter("farm_tasks_taken_over_total", static_cast<double>(context.dispatcher.taken_over()),
                  "Tasks that an earlier server has left running, and this one has taken over.");
  add_groups(metrics, context.dispatcher.groups());
  metrics.gauge("farm_slots", context.dispatcher.max_ranks(), "Ranks that there are at most.");
  metrics.gauge("farm_groups_startable", context.dispatcher.problem().empty() ? 1 : 0,
                "1 unless no group can be started.");
  metrics.gauge("farm_store_writable", health.problem.empty() ? 1 : 0, "1 if the server can write to its disk.");
  metrics.gauge("farm_store_unwritten", static_cast<double>(health.unwritten), "Changes that wait to be written.");
  metrics.gauge("farm_stopping", context.dispatcher.is_stopping() ? 1 : 0, "1 if the server is being stopped.");
  add_process(metrics, facts.since);
  return metrics.take();
}

}  // namespace farm::detail
