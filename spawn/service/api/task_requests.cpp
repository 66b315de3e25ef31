#include "spawn/service/api/routes.hpp"
#include "spawn/service/dispatch/job_log.hpp"
#include "spawn/service/protocol/object_text.hpp"
#include "spawn/service/protocol/shown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace farm::detail {
namespace {

constexpr std::size_t most_listed = 10'000;
/// A log is sent in pieces of this size.
constexpr std::size_t log_piece = std::size_t{1} << 20U;
/// So many tasks are read from the disk together at most; fewer, if they have returned much.
constexpr std::uint64_t most_read = 4096;
constexpr std::size_t bytes_read = std::size_t{8} << 20U;

/// An answer has no more bytes than this, about: it is made in memory.
constexpr std::size_t most_bytes = std::size_t{256} << 20U;

/// How many tasks to read next.
class ReadAhead {
 public:
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Tells how many bytes those were that were read last.
  void has_read(std::size_t bytes) {
    count_ = bytes > bytes_read ? std::max<std::uint64_t>(1, count_ / 8) : std::min(most_read, 2 * count_);
  }

 private:
  std::uint64_t count_ = 256;
};

void check_size(std::size_t bytes, std::uint64_t job, std::uint64_t tasks) {
  if (bytes > most_bytes)
    throw RequestError(413, fmt::format("what {} tasks of job {} have returned is more than 256 MiB: ask for fewer, by "
                                        "limit=",
                                        tasks, job));
}

void get_tasks(ApiContext& context, http::Request const& request, PathNumbers numbers, http::Answer const& answer) {
  std::optional<TaskState> state;
  if (auto const found = request.query.find("state"); found != request.query.end()) {
    state = state_of(found->second);
    if (!state) throw RequestError(400, fmt::format("there is no state {}", found->second.substr(0, 40)));
  }
  auto const limit = std::min<std::size_t>(number_in_query(request, "limit").value_or(1000), most_listed);
  auto const [list, next] =
      context.queue.tasks(numbers.job, state, number_in_query(request, "from").value_or(0), limit);
  std::map<std::uint64_t, RunningTask> running;
  for (auto const& view : context.dispatcher.groups()) {
    auto const name = name_of_tag(view.tag);
    if (view.state == GroupView::State::running && name.job == numbers.job)
      running[name.task] = {view.group, view.hosts, view.attempt, static_cast<double>(view.progress), view.since};
  }
  std::vector<std::string> shown;
  std::size_t bytes = 0;
  ReadAhead ahead;
  for (std::size_t i = 0; i < list.size();) {  // tasks that lie close together are read at once
    auto const first = list[i].first;
    std::size_t end = i;
    while (end < list.size() && list[end].first < first + ahead.count()) ++end;
    auto const bytes_before = bytes;
    auto const count = list[end - 1].first - first + 1;
    auto const specs = context.store.tasks(numbers.job, first, count);
    std::map<std::uint64_t, TaskEnd> ends;
    for (auto& each : context.store.ends(numbers.job, first, count)) ends[each.task] = std::move(each);
    for (; i < end; ++i) {
      auto const [task, task_state] = list[i];
      TaskName const name{numbers.job, task};
      auto const found = ends.find(task);
      auto const runs = running.find(task);
      shown.push_back(shown_task(name, task_state, specs.at(task - first), context.queue.attempts(name),
                                 found == ends.end() ? nullptr : &found->second,
                                 runs == running.end() ? nullptr : &runs->second));
      bytes += shown.back().size();
      check_size(bytes, numbers.job, list.size());
    }
    ahead.has_read(bytes - bytes_before);
  }
  send_json(answer,
            ObjectText{}.raw("tasks", list_of(shown)).raw("next", next ? std::to_string(*next) : "null").take());
}

void get_task(ApiContext& context, http::Request const& /*request*/, PathNumbers numbers, http::Answer const& answer) {
  TaskName const name{numbers.job, numbers.task};
  auto const state = context.queue.state(name);
  auto const specs = context.store.tasks(name.job, name.task, 1);
  auto const history = context.store.history(name.job, name.task);
  auto const running = state == TaskState::running ? context.dispatcher.running(name) : std::nullopt;
  auto const* const now = running ? &*running : nullptr;
  send_json(answer, shown_task(name, state, specs.at(0), context.queue.attempts(name),
                               history.empty() ? nullptr : &history.back(), now, shown_history(history, now)));
}

std::string why_waiting(ApiContext& context, TaskName name) {
  if (auto const why = context.queue.why_not_running(name); !why.empty()) return why;
  if (context.dispatcher.is_stopping()) return "the server is being stopped: the next one runs it";
  if (auto const problem = context.dispatcher.problem(); !problem.empty())
    return fmt::format("no group can be started: {}; the server tries again", problem);
  auto const groups = context.dispatcher.groups();
  auto const busy = std::count_if(groups.begin(), groups.end(),
                                  [](GroupView const& group) { return group.state == GroupView::State::running; });
  auto const info = context.queue.info(name.job);
  std::uint64_t before = 0;
  for (auto const& job : context.queue.list(0, most_listed)) {
    if (job.priority > info.priority) before += job.counts[static_cast<std::size_t>(TaskState::waiting)];
  }
  auto text = fmt::format("it waits for a group: {} of {} groups run other tasks", busy, groups.size());
  if (before > 0) text += fmt::format("; {} tasks of jobs with a higher priority come first", before);
  return text;
}

void explain_task(ApiContext& context, http::Request const& /*request*/, PathNumbers numbers,
                  http::Answer const& answer) {
  TaskName const name{numbers.job, numbers.task};
  auto const state = context.queue.state(name);
  std::string why;
  if (state == TaskState::running) {
    auto const running = context.dispatcher.running(name);
    why = running ? fmt::format("it runs on group {}, attempt {}", running->group, running->attempt)
                  : "it was given to the pool, and waits for a group that is free";
  } else if (has_ended(state)) {
    why = fmt::format("it has ended: {}", word_of(state));
  } else {
    why = why_waiting(context, name);
  }
  send_json(answer, ObjectText{}.add("state", word_of(state)).add("why", why).take());
}

void get_results(ApiContext& context, http::Request const& request, PathNumbers numbers, http::Answer const& answer) {
  auto const info = context.queue.info(numbers.job);
  auto const first = number_in_query(request, "from").value_or(0);
  auto const limit = number_in_query(request, "limit").value_or(info.tasks);
  auto const end = first >= info.tasks ? first : first + std::min(limit, info.tasks - first);
  std::string text;
  ReadAhead ahead;
  for (auto begin = first; begin < end;) {
    auto const count = std::min(ahead.count(), end - begin);
    auto const before = text.size();
    auto const specs = context.store.tasks(numbers.job, begin, count);
    for (auto const& each : context.store.ends(numbers.job, begin, count)) {
      if (!has_ended(each.state)) continue;
      text += shown_record(specs.at(each.task - begin), each);
      text += '\n';
      check_size(text.size(), numbers.job, end - first);
    }
    ahead.has_read(text.size() - before);
    begin += count;
  }
  answer.send({.type = "application/x-ndjson", .body = std::move(text)});
}

void get_log(ApiContext& context, http::Request const& request, PathNumbers numbers, http::Answer const& answer) {
  auto const info = context.queue.info(numbers.job);
  auto const task = number_in_query(request, "task");
  if (task) static_cast<void>(context.queue.state({numbers.job, *task}));
  auto const from = number_in_query(request, "from").value_or(0);
  auto text =
      read_log(log_parts(context.facts.directory / "output" / std::to_string(info.number), task), from, log_piece);
  auto const next = from + text.size();
  answer.send(
      {.type = "text/plain; charset=utf-8", .body = std::move(text), .headers = {{"X-Next", std::to_string(next)}}});
}

constexpr std::array routes{
    Route{.method = "GET", .path = "/api/v1/jobs/N/tasks", .answer = &get_tasks, .blocks = true},
    Route{.method = "GET", .path = "/api/v1/jobs/N/tasks/K", .answer = &get_task, .blocks = true},
    Route{.method = "GET", .path = "/api/v1/jobs/N/tasks/K/explain", .answer = &explain_task, .blocks = true},
    Route{.method = "GET", .path = "/api/v1/jobs/N/results", .answer = &get_results, .blocks = true},
    Route{.method = "GET", .path = "/api/v1/jobs/N/log", .answer = &get_log, .blocks = true},
};

}  // namespace

std::span<Route const> task_routes() { return routes; }

}  // namespace farm::detail
