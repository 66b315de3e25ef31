#include "spawn/service/api/routes.hpp"
#include "spawn/service/dispatch/given_arrays.hpp"
#include "spawn/service/model/task_ranges.hpp"
#include "spawn/service/protocol/object_text.hpp"
#include "spawn/service/protocol/shown.hpp"
#include "spawn/service/protocol/submission.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>

namespace farm::detail {
namespace {

constexpr std::size_t most_jobs = 10'000;

void post_job(ApiContext& context, http::Request const& request, PathNumbers /*numbers*/, http::Answer const& answer) {
  if (context.dispatcher.is_stopping()) throw RequestError(503, "the server is being stopped: submit to the next one");
  auto submission = read_submission(request.body);
  context.dispatcher.check(submission.spec, submission.tasks);
  auto const count = submission.tasks.size();
  context.queue.submit(std::move(submission.spec), std::move(submission.tasks),
                       [answer, count](std::uint64_t job, std::string const& error) {
                         if (job == 0) return answer.send(error_response(507, error));
                         send_json(answer, ObjectText{}.add("job", job).add("tasks", count).take(), 201);
                       });
}

TaskState state_in_query(std::string const& word) {
  auto const state = state_of(word);
  if (!state) throw RequestError(400, fmt::format("there is no state {}", word.substr(0, 40)));
  return *state;
}

void get_jobs(ApiContext& context, http::Request const& request, PathNumbers /*numbers*/, http::Answer const& answer) {
  std::optional<TaskState> state;
  if (auto const found = request.query.find("state"); found != request.query.end())
    state = state_in_query(found->second);
  auto const limit = std::min<std::size_t>(number_in_query(request, "limit").value_or(most_jobs), most_jobs);
  auto from = number_in_query(request, "from").value_or(0);
  std::vector<std::string> shown;
  std::string next{"null"};
  for (bool is_more = true; is_more;) {
    auto const jobs = context.queue.list(from, most_jobs);
    is_more = jobs.size() == most_jobs;
    for (auto const& job : jobs) {
      from = job.number + 1;
      if (state && job.state != *state) continue;
      if (shown.size() == limit) {
        next = std::to_string(job.number);
        is_more = false;
        break;
      }
      shown.push_back(shown_job(job));
    }
  }
  send_json(answer, ObjectText{}.raw("jobs", list_of(shown)).raw("next", next).take());
}

void get_job(ApiContext& context, http::Request const& /*request*/, PathNumbers numbers, http::Answer const& answer) {
  send_json(answer, shown_job(context.queue.info(numbers.job), true));
}

/// The answer is sent when the job ends, or by the HTTP server's timer: whichever comes first.
void wait_for_job(ApiContext& context, http::Request const& request, PathNumbers numbers, http::Answer const& answer) {
  auto const seconds = std::min<std::uint64_t>(number_in_query(request, "seconds").value_or(30), 3600);
  struct Once {
    std::atomic<bool> is_sent{false};
    std::uint64_t waiter = 0;
  };
  auto const once = std::make_shared<Once>();
  auto& queue = context.queue;
  auto const send = [&queue, once, answer, job = numbers.job] {
    if (once->is_sent.exchange(true)) return;
    try {
      send_json(answer, shown_job(queue.info(job)));
    } catch (QueueError const& error) {
      answer.send(error_response(404, error.what()));
    }
  };
  once->waiter = queue.when_ended(numbers.job, send);
  if (once->is_sent) return;
  answer.after(std::chrono::seconds{seconds}, [&queue, once, send, job = numbers.job] {
    queue.stop_waiting(job, once->waiter);
    send();
  });
}

/// Returns the tasks that the body names, or all.
std::vector<JobQueue::Range> ranges_of(http::Request const& request) {
  if (request.body.empty()) return {{}};
  auto const json = nlohmann::json::parse(request.body, nullptr, false);
  if (!json.is_object()) throw RequestError(400, "the body is not a JSON object");
  for (auto const& [name, value] : json.items()) {
    if (name != "tasks")
      throw RequestError(400, fmt::format("there is no member {}; known is tasks", name.substr(0, 40)));
  }
  auto const found = json.find("tasks");
  if (found == json.end()) return {{}};
  if (!found->is_string()) throw RequestError(400, R"(tasks is not a text such as "0-5,8")");
  std::vector<JobQueue::Range> ranges;
  for (auto const& [first, last] : read_task_ranges(found->get<std::string>())) ranges.push_back({first, last});
  return ranges;
}

/// Answers with a count once it is known, and the change that it counts is on disk.
class CountAnswer {
 public:
  explicit CountAnswer(http::Answer answer) : state_(std::make_shared<State>(std::move(answer))) {}
  /// What the change calls once it is on disk.
  [[nodiscard]] std::function<void()> on_disk() const {
    return [state = state_] { state->part_done(); };
  }
  void count(std::uint64_t tasks) const {
    state_->tasks = tasks;
    state_->part_done();
  }

 private:
  struct State {
    explicit State(http::Answer its_answer) : answer(std::move(its_answer)) {}
    void part_done() {
      if (--parts == 0) send_json(answer, ObjectText{}.add("tasks", tasks).take());
    }
    http::Answer answer;
    std::atomic<int> parts{2};
    std::uint64_t tasks = 0;
  };
  std::shared_ptr<State> state_;
};

void cancel_job(ApiContext& context, http::Request const& request, PathNumbers numbers, http::Answer const& answer) {
  CountAnswer const result{answer};
  auto const ranges = ranges_of(request);
  result.count(context.queue.cancel(numbers.job, ranges, result.on_disk()));
}

void retry_job(ApiContext& context, http::Request const& request, PathNumbers numbers, http::Answer const& answer) {
  CountAnswer const result{answer};
  auto const ranges = ranges_of(request);
  result.count(context.queue.retry(numbers.job, ranges, result.on_disk()));
}

void change_hold(ApiContext& context, PathNumbers numbers, http::Answer const& answer, bool held) {
  CountAnswer const result{answer};
  result.count(context.queue.hold(numbers.job, held, result.on_disk()));
}

void hold_job(ApiContext& context, http::Request const& /*request*/, PathNumbers numbers, http::Answer const& answer) {
  change_hold(context, numbers, answer, true);
}

void release_job(ApiContext& context, http::Request const& /*request*/, PathNumbers numbers,
                 http::Answer const& answer) {
  change_hold(context, numbers, answer, false);
}

void set_priority(ApiContext& context, http::Request const& request, PathNumbers numbers, http::Answer const& answer) {
  auto const json = nlohmann::json::parse(request.body, nullptr, false);
  auto const found = json.is_object() ? json.find("priority") : json.end();
  if (!json.is_object() || found == json.end() || !found->is_number_integer())
    throw RequestError(400, R"(the body is not {"priority": NUMBER})");
  auto const priority = found->get<std::int64_t>();
  if (priority < -1'000'000 || priority > 1'000'000)
    throw RequestError(400, "priority is not a number from -1000000 to 1000000");
  context.queue.set_priority(numbers.job, static_cast<int>(priority), [answer] { send_json(answer, "{}"); });
}

void forget_job(ApiContext& context, http::Request const& /*request*/, PathNumbers numbers,
                http::Answer const& answer) {
  auto const directory = context.facts.directory;
  auto const given = given_arrays(directory / "arrays", context.queue.info(numbers.job).spec->key);
  context.queue.forget(numbers.job, [answer, directory, given, job = std::to_string(numbers.job)] {
    std::error_code ignored;
    if (!given.empty()) std::filesystem::remove(given, ignored);
    std::filesystem::remove_all(directory / "output" / job, ignored);
    std::filesystem::remove_all(directory / "arrays" / job, ignored);
    send_json(answer, "{}");
  });
}

constexpr std::array routes{
    Route{.method = "POST", .path = "/api/v1/jobs", .answer = &post_job, .blocks = true},
    Route{.method = "GET", .path = "/api/v1/jobs", .answer = &get_jobs},
    Route{.method = "GET", .path = "/api/v1/jobs/N", .answer = &get_job},
    Route{.method = "GET", .path = "/api/v1/jobs/N/wait", .answer = &wait_for_job},
    Route{.method = "POST", .path = "/api/v1/jobs/N/cancel", .answer = &cancel_job, .for_page = true},
    Route{.method = "POST", .path = "/api/v1/jobs/N/retry", .answer = &retry_job, .for_page = true},
    Route{.method = "POST", .path = "/api/v1/jobs/N/hold", .answer = &hold_job, .for_page = true},
    Route{.method = "POST", .path = "/api/v1/jobs/N/release", .answer = &release_job, .for_page = true},
    Route{.method = "POST", .path = "/api/v1/jobs/N/priority", .answer = &set_priority},
    Route{.method = "POST", .path = "/api/v1/jobs/N/forget", .answer = &forget_job},
};

}  // namespace

std::span<Route const> job_routes() { return routes; }

}  // namespace farm::detail
