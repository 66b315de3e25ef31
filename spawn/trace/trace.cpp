#include "spawn/trace/trace.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "spawn/trace/function_name.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <stdio_ext.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <variant>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;

/// Destroyed, and so completed, when the process exits.
std::unique_ptr<Trace>& the_trace() {
  static std::unique_ptr<Trace> trace;
  return trace;
}

/// How long an event may wait in memory. The events of a killed master that are older are in its file.
constexpr auto flush_interval = std::chrono::milliseconds{400};

constexpr std::uint64_t master = 0;  // its number among the timeline's processes; a group has its id

/// Returns when the task was submitted; the latest time if that is unknown.
std::int64_t queued(Task const& task) {
  if (!task.rare || task.rare->submitted == Clock::time_point{}) return INT64_MAX;
  return std::chrono::nanoseconds{task.rare->submitted.time_since_epoch()}.count();
}

struct Outcome {
  char const* name;  ///< null: the answers of the ranks tell how the task has ended
  std::string why;
};

Outcome outcome_of(Task const& task) {
  if (task.status() == FutureState::Status::value) return {nullptr, {}};
  auto const* const error = std::get_if<std::exception_ptr>(&task.result());
  bool const was_cancelled = task.status() == FutureState::Status::cancelled;
  if (error == nullptr || *error == nullptr) return {was_cancelled ? "cancelled" : nullptr, {}};
  bool const was_sent = task.rare && task.rare->group != 0;
  try {
    std::rethrow_exception(*error);
  } catch (TaskError const& e) {  // of its own, or of a task that it has waited for
    return was_sent ? Outcome{nullptr, {}} : Outcome{"not run", e.what()};
  } catch (CancelledError const& e) {
    return {"cancelled", e.what()};
  } catch (TimeoutError const& e) {
    return {"timeout", e.what()};
  } catch (GroupLost const& e) {
    return {"lost", e.what()};
  } catch (Error const& e) {
    return {was_sent ? "failed" : "not run", e.what()};
  } catch (std::exception const& e) {
    return {was_sent ? "failed" : "not run", e.what()};
  } catch (...) {
    return {was_sent ? "failed" : "not run", {}};
  }
}

}  // namespace

struct Trace::Event {
  std::string_view name;
  std::string_view kind;
  char phase;  // X: a span; i: an instant; C: a count; M: the name of a process or lane
  std::uint64_t process;
  int lane;
  std::int64_t begin;
  std::int64_t end;
  Json arguments;
};

void Trace::open() {
  auto const path = setting(Setting::trace);
  if (path.empty() || the_trace()) return;
  auto* const file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    throw UsageError(fmt::format("the trace {} cannot be written: {}", path, std::strerror(errno)));  // NOLINT
  }
  the_trace().reset(new Trace{file});
  unsetenv("FARM_TRACE");  // processes that this program starts do not overwrite the file
  set_span_sink(the_trace().get());
}

void Trace::close() { the_trace().reset(); }

Trace* Trace::current() noexcept { return the_trace().get(); }

Trace::Trace(std::FILE* file) : file_(file), owner_(getpid()), begin_(monotonic_nanoseconds()) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the program's signal handlers run on the program's threads
  thread_ = std::make_unique<std::thread>([this] { flush_in_time(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::scoped_lock const lock{mutex_};
  std::fputc('[', file_);
  name_process(master, "master");
}

Trace::~Trace() {
  if (getpid() != owner_) {  // a forked child: the thread, the file, and what is buffered for it, are the parent's
    static_cast<void>(thread_.release());
    __fpurge(file_);
    return;
  }
  set_span_sink(nullptr);
  {
    std::scoped_lock const lock{mutex_};
    ends_ = true;
  }
  wakes_.notify_one();
  thread_->join();
  write_count();
  std::fputs("\n]\n", file_);
  bool const failed = std::ferror(file_) != 0;
  if (std::fclose(file_) != 0 || failed) log_error("the trace could not be completed: is the disk full?");
}

/// Runs on a thread of its own, until the trace ends.
void Trace::flush_in_time() {
  std::unique_lock lock{mutex_};
  while (!ends_) {
    wakes_.wait(lock, [this] { return ends_ || !is_flushed_; });
    wakes_.wait_for(lock, flush_interval, [this] { return ends_; });
    write_count();
    std::fflush(file_);
    is_flushed_ = true;
  }
}

void Trace::wake_flusher() {
  if (std::exchange(is_flushed_, false)) wakes_.notify_one();
}

/// A million tasks may be submitted at once, so their number is written only when the file is flushed.
void Trace::write_count() {
  if (std::exchange(count_written_, submitted_) == submitted_) return;
  auto const now = monotonic_nanoseconds();
  write({"tasks", "count", 'C', master, 0, now, now, {{"submitted", submitted_}}});
}

/// Each event has a line of its own, with the comma before it: the file of a killed master lacks only the bracket.
void Trace::write(Event const& event) {
  auto const us = [](std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000; };
  Json json{{"name", event.name}, {"ph", std::string(1, event.phase)}, {"pid", event.process}, {"tid", event.lane}};
  if (!event.kind.empty()) json["cat"] = event.kind;
  if (event.phase != 'M') json["ts"] = us(event.begin - begin_);
  if (event.phase == 'X') json["dur"] = us(std::max(event.end - event.begin, std::int64_t{0}));
  if (event.phase == 'i') json["s"] = "p";
  if (!event.arguments.is_null()) json["args"] = event.arguments;
  auto const text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::fputs(std::exchange(first_, false) ? "\n" : ",\n", file_);
  std::fputs(text.c_str(), file_);
  wake_flusher();
}

void Trace::name_process(std::uint64_t process, std::string_view name) {
  write({"process_name", "", 'M', process, 0, 0, 0, {{"name", name}}});
  write({"process_sort_index", "", 'M', process, 0, 0, 0, {{"sort_index", process}}});
}

void Trace::name_lane(std::uint64_t process, int lane, std::string_view name) {
  write({"thread_name", "", 'M', process, lane, 0, 0, {{"name", name}}});
}

int Trace::add_pool() {
  std::scoped_lock const lock{mutex_};
  return ++pools_;
}

void Trace::submitted() {
  std::scoped_lock const lock{mutex_};
  ++submitted_;
  wake_flusher();
}

void Trace::ended(int pool, Task const& task) {
  auto const [outcome, why] = outcome_of(task);
  if (outcome == nullptr) return;
  auto const now = monotonic_nanoseconds();
  auto const name = function_name(task.code, task.call);
  std::scoped_lock const lock{mutex_};
  auto const us = [this](std::int64_t time) { return static_cast<double>(time - begin_) / 1000; };
  Json arguments{{"pool", pool}, {"task", task.id}, {"outcome", outcome}, {"queued", us(std::min(queued(task), now))}};
  if (!task.name().empty()) arguments["name"] = task.name();
  if (!why.empty()) arguments["why"] = why;
  write({name, "end", 'i', master, 0, now, now, std::move(arguments)});
}

void Trace::starting(std::uint64_t id, int ranks) {
  std::scoped_lock const lock{mutex_};
  groups_[id] = {.ranks = ranks, .starting = monotonic_nanoseconds()};
}

void Trace::not_started(std::uint64_t id, std::string_view why) {
  std::scoped_lock const lock{mutex_};
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  write({"failed birth", "group", 'X', id, 0, found->second.starting, monotonic_nanoseconds(), {{"why", why}}});
  groups_.erase(found);
}

void Trace::ready(std::uint64_t id, std::vector<std::string> hosts) {
  std::scoped_lock const lock{mutex_};
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  auto& group = found->second;
  auto const now = monotonic_nanoseconds();
  group.is_ready = true;
  group.clocks.resize(hosts.size());
  name_process(id, fmt::format("group {}", id));
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    auto const rank = static_cast<int>(i);
    group.clocks[i] = {.same_host = hosts[i] == host_name(), .idle_since = now};
    name_lane(id, rank, fmt::format("rank {} on {}", rank, hosts[i]));
    write({"birth", "group", 'X', id, rank, group.starting, now, {{"ranks", group.ranks}, {"host", hosts[i]}}});
  }
}

void Trace::sent(std::uint64_t id, int pool, Task const& task, std::uint32_t attempt) {
  auto const now = monotonic_nanoseconds();
  std::scoped_lock const lock{mutex_};
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  auto& group = found->second;
  group.sent.push_back({.task = task.id,
                        .pool = pool,
                        .attempt = attempt,
                        .name = function_name(task.code, task.call),
                        .given_name = task.name(),
                        .queued = std::min(queued(task), now),
                        .sent = now,
                        .times = {},
                        .answered_by = std::vector<bool>(static_cast<std::size_t>(group.ranks))});
  if (attempt > 1) {
    write({fmt::format("attempt {} of task {}", attempt, task.id), "retry", 'i', id, 0, now, now, {{"task", task.id}}});
  }
}

void Trace::times(std::uint64_t id, int rank, std::uint64_t task, TaskTimes times) {
  std::scoped_lock const lock{mutex_};
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  auto& all = found->second.sent;
  auto const sent = std::find_if(all.begin(), all.end(), [&](SentTask const& each) { return each.task == task; });
  if (sent != all.end()) sent->times[rank] = std::move(times);
}

void Trace::answered(std::uint64_t id, int rank, std::uint64_t task, bool is_error) {
  auto const received = monotonic_nanoseconds();
  std::scoped_lock const lock{mutex_};
  auto const found = groups_.find(id);
  if (found == groups_.end() || !found->second.is_ready) return;
  auto& group = found->second;
  auto const index = static_cast<std::size_t>(rank);
  auto const sent = std::find_if(group.sent.begin(), group.sent.end(), [&](SentTask const& each) {
    return each.task == task && !each.answered_by.at(index);
  });
  if (sent == group.sent.end()) return;
  sent->answered_by[index] = true;
  auto& clock = group.clocks.at(index);
  auto const& times = sent->times[rank];
  clock.min_offset = std::max(clock.min_offset, sent->sent - times.started);
  clock.max_offset = std::min(clock.max_offset, received - times.ended);
  auto const offset = clock.offset();
  auto const here = [&](std::int64_t time) { return std::clamp(time + offset, sent->sent, received); };
  write_task(id, rank, *sent, here(times.started), here(times.ended), received, is_error ? "error" : "value");
  for (auto const& span : times.spans) {
    write({span.name, "stage", 'X', id, rank, here(span.begin), here(span.end), {{"bytes", span.bytes}}});
  }
  clock.idle_since = here(times.ended);
  while (!group.sent.empty() && std::all_of(group.sent.front().answered_by.begin(),
                                            group.sent.front().answered_by.end(), [](bool done) { return done; })) {
    group.sent.pop_front();
  }
}

void Trace::write_task(std::uint64_t group, int rank, SentTask const& sent, std::int64_t started, std::int64_t ended,
                       std::int64_t received, char const* outcome) {
  auto const us = [this](std::int64_t time) { return static_cast<double>(time - begin_) / 1000; };
  Json arguments{{"pool", sent.pool},
                 {"task", sent.task},
                 {"attempt", sent.attempt},
                 {"outcome", outcome},
                 {"queued", us(std::min(sent.queued, sent.sent))},
                 {"sent", us(sent.sent)},
                 {"started", us(started)},
                 {"ended", us(ended)},
                 {"received", us(received)}};
  if (!sent.given_name.empty()) arguments["name"] = sent.given_name;
  write({sent.name, "task", 'X', group, rank, started, ended, std::move(arguments)});
}

/// Ends the tasks of a group that is gone: the first may have run until now; the others have not run.
void Trace::close_tasks(std::uint64_t id, Group& group, char const* outcome) {
  auto const now = monotonic_nanoseconds();
  if (!group.sent.empty() && group.is_ready) {
    auto const& sent = group.sent.front();
    for (int rank = 0; rank < group.ranks; ++rank) {
      auto const index = static_cast<std::size_t>(rank);
      if (sent.answered_by[index]) continue;
      write_task(id, rank, sent, std::max(sent.sent, group.clocks[index].idle_since), now, now, outcome);
    }
  }
  group.sent.clear();
}

void Trace::recalled(std::uint64_t id, std::vector<std::uint64_t> const& tasks) {
  std::scoped_lock const lock{mutex_};
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  std::erase_if(found->second.sent,
                [&](SentTask const& sent) { return std::find(tasks.begin(), tasks.end(), sent.task) != tasks.end(); });
}

void Trace::lost(std::uint64_t id, std::string_view how) {
  std::scoped_lock const lock{mutex_};
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  auto const now = monotonic_nanoseconds();
  write({"lost", "loss", 'i', id, 0, now, now, {{"how", how}}});
  close_tasks(id, found->second, "lost");
}

void Trace::gone(std::uint64_t id) {
  std::scoped_lock const lock{mutex_};
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  auto const now = monotonic_nanoseconds();
  close_tasks(id, found->second, "ended");
  write({"gone", "group", 'i', id, 0, now, now, nullptr});
  groups_.erase(found);
}

void Trace::add(SpanRecord span) {
  std::scoped_lock const lock{mutex_};
  auto const [lane, is_new] = lanes_.try_emplace(std::this_thread::get_id(), static_cast<int>(lanes_.size()));
  if (is_new) name_lane(master, lane->second, fmt::format("thread {}", lane->second));
  write({span.name, "stage", 'X', master, lane->second, span.begin, span.end, {{"bytes", span.bytes}}});
}

}  // namespace farm::detail
