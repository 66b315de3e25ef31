#include "spawn/service/client/requests.hpp"

#include <farm/detail/text_value.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace farm::detail {
namespace {

constexpr auto jobs_path = "/api/v1/jobs";
constexpr int page_length = 1000;

std::string path_of(std::uint64_t job, std::string_view rest = {}) {
  return fmt::format("{}/{}{}", jobs_path, job, rest);
}

std::string path_of(TaskName name, std::string_view rest = {}) {
  return fmt::format("{}/{}/tasks/{}{}", jobs_path, name.job, name.task, rest);
}

std::string state_query(std::optional<TaskState> state) {
  return state ? fmt::format("&state={}", word_of(*state)) : std::string{};
}

/// Returns a number of a header; none if there is none.
std::optional<std::uint64_t> header_number(http::Reply const& reply, char const* name) {
  auto const found = reply.headers.find(name);
  if (found == reply.headers.end()) return std::nullopt;
  std::uint64_t value = 0;
  auto const& text = found->second;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ServerReply Requests::server() { return read_server(connection_.get("/api/v1/server")); }

void Requests::stop(bool drain) {
  connection_.post("/api/v1/server/stop", drain ? R"({"mode":"drain"})" : R"({"mode":"now"})",
                   Connection::Again::may_not);
}

std::vector<FunctionReply> Requests::functions() { return read_functions(connection_.get("/api/v1/functions")); }

SubmittedJob Requests::submit(SubmissionBody& submission) {
  auto const reply = connection_.post_lines(jobs_path, submission.body());
  return {read_number_member(reply, "job"), read_number_member(reply, "tasks")};
}

void Requests::for_each_job(std::optional<TaskState> state, std::function<void(JobReply const&)> const& use) {
  for (std::optional<std::uint64_t> from = 0; from;) {
    auto const page = read_jobs(
        connection_.get(fmt::format("{}?from={}&limit={}{}", jobs_path, *from, page_length, state_query(state))));
    for (auto const& job : page.items) use(job);
    from = page.next;
  }
}

JobReply Requests::job(std::uint64_t number) { return read_job(connection_.get(path_of(number))); }

JobReply Requests::wait(std::uint64_t number, int seconds) {
  return read_job(connection_.get(path_of(number, fmt::format("/wait?seconds={}", seconds)), seconds));
}

std::uint64_t Requests::change(std::uint64_t number, char const* what, std::string const& tasks,
                               Connection::Again again) {
  std::string body;
  if (!tasks.empty()) {
    TextValue::Members members;
    members.add("tasks", {.value = tasks});
    body = to_json(members);
  }
  return read_number_member(connection_.post(path_of(number, what), body, again), "tasks");
}

std::uint64_t Requests::cancel(std::uint64_t number, std::string const& tasks) {
  return change(number, "/cancel", tasks, Connection::Again::may);
}
std::uint64_t Requests::hold(std::uint64_t number) { return change(number, "/hold", {}, Connection::Again::may); }
std::uint64_t Requests::release(std::uint64_t number) { return change(number, "/release", {}, Connection::Again::may); }
std::uint64_t Requests::retry(std::uint64_t number, std::string const& tasks) {
  return change(number, "/retry", tasks, Connection::Again::may_not);
}

void Requests::set_priority(std::uint64_t number, int priority) {
  connection_.post(path_of(number, "/priority"), fmt::format(R"({{"priority":{}}})", priority));
}

void Requests::forget(std::uint64_t number) {
  connection_.post(path_of(number, "/forget"), {}, Connection::Again::may_not);
}

void Requests::for_each_task(std::uint64_t number, std::optional<TaskState> state,
                             std::function<void(TaskReply const&)> const& use) {
  for (std::optional<std::uint64_t> from = 0; from;) {
    auto const page = read_tasks(connection_.get(
        path_of(number, fmt::format("/tasks?from={}&limit={}{}", *from, page_length, state_query(state)))));
    for (auto const& task : page.items) use(task);
    from = page.next;
  }
}

TaskReply Requests::task(TaskName name) { return read_task(connection_.get(path_of(name))); }

std::pair<std::string, std::string> Requests::explain(TaskName name) {
  return read_explanation(connection_.get(path_of(name, "/explain")));
}

void Requests::for_each_result(std::uint64_t number, std::uint64_t first,
                               std::function<bool(ResultReply&&)> const& use) {
  constexpr std::uint64_t at_once = 10'000;
  auto const tasks = job(number).tasks;
  for (auto from = first; from < tasks; from += at_once) {
    auto const body = connection_.get(path_of(number, fmt::format("/results?from={}&limit={}", from, at_once)));
    std::string_view rest = body;
    while (!rest.empty()) {
      auto const end = std::min(rest.find('\n'), rest.size());
      auto const line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (!line.empty() && !use(read_result(line))) return;
    }
  }
}

LogText Requests::log(std::uint64_t number, std::optional<std::uint64_t> task, std::uint64_t from) {
  auto const which = task ? fmt::format("&task={}", *task) : std::string{};
  auto reply = connection_.reply_to(path_of(number, fmt::format("/log?from={}{}", from, which)));
  auto const next = header_number(reply, "x-next").value_or(from + reply.body.size());
  return {std::move(reply.body), next};
}

}  // namespace farm::detail
