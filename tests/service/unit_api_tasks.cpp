// Requests about tasks, their results and their logs.
#include "tests/service/api_server.hpp"

#include <fstream>

using namespace farm::detail;
using nlohmann::json;

namespace {

/// A job of five tasks: 0 has finished, 1 has failed, 2 runs, 3 was cancelled, 4 waits.
void submit_five(ApiServer& server) {
  auto const job = server.submit(5);
  REQUIRE(server.queue().take(3).size() == 3);
  server.end(job, 0, TaskState::finished, R"({"x": 1.50, "big": 123456789012345678901234567890})");
  server.end(job, 1, TaskState::failed, some_error);
  server.post("/api/v1/jobs/1/cancel", R"({"tasks":"3"})");
  server.dispatcher.change([](auto& facts) {
    auto const now = std::chrono::steady_clock::now();
    facts.running = RunningTask{6, {"node3", "node3"}, 1, 0.25, now};
    facts.groups = {{.group = 6,
                     .ranks = 2,
                     .hosts = {"node3", "node3"},
                     .state = GroupView::State::running,
                     .tag = tag_of({1, 2}),
                     .attempt = 1,
                     .progress = 0.25F,
                     .since = now,
                     .tasks = 9}};
  });
}

}  // namespace

TEST_CASE("tasks are listed with what has become of them") {
  ApiServer server;
  submit_five(server);
  auto const tasks = server.get("/api/v1/jobs/1/tasks").at("tasks");
  REQUIRE(tasks.size() == 5);
  CHECK(tasks[0].at("state") == "finished");
  CHECK(tasks[0].at("input") == json::array({0}));
  CHECK(tasks[0].at("result").at("x") == 1.5);
  CHECK(tasks[0].at("seconds") == 0.5);
  CHECK(tasks[0].at("group") == 4);
  CHECK(tasks[0].at("hosts") == json::array({"node1", "node2"}));
  CHECK(tasks[1].at("state") == "failed");
  CHECK(tasks[1].at("error").at("rank") == 1);
  CHECK(tasks[1].at("result").is_null());
  CHECK(tasks[2].at("state") == "running");
  CHECK(tasks[2].at("group") == 6);
  CHECK(tasks[2].at("progress") == 0.25);
  CHECK(tasks[3].at("state") == "cancelled");
  CHECK(tasks[4].at("state") == "waiting");
  CHECK(tasks[4].at("started").is_null());
}

TEST_CASE("results are shown as the task has written them, to the digit") {
  ApiServer server;
  submit_five(server);
  auto const text = server.ask("GET", "/api/v1/jobs/1/tasks/0");
  CHECK_THAT(text, contains(R"({"x": 1.50, "big": 123456789012345678901234567890})"));
  CHECK_THAT(server.ask("GET", "/api/v1/jobs/1/results"), contains("123456789012345678901234567890"));
}

TEST_CASE("tasks are listed page by page, and by their state") {
  ApiServer server;
  submit_five(server);
  auto const numbers = [&](std::string const& query) {
    std::vector<int> list;
    auto const reply = server.get("/api/v1/jobs/1/tasks" + query);
    for (auto const& task : reply.at("tasks")) list.push_back(task.at("task"));
    return std::pair{list, reply.at("next")};
  };
  CHECK(numbers("?limit=2") == std::pair{std::vector{0, 1}, json{2}});
  CHECK(numbers("?limit=2&from=2") == std::pair{std::vector{2, 3}, json{4}});
  CHECK(numbers("?limit=2&from=4") == std::pair{std::vector{4}, json{}});
  CHECK(numbers("?state=failed") == std::pair{std::vector{1}, json{}});
  CHECK(numbers("?from=77") == std::pair{std::vector<int>{}, json{}});
  server.get("/api/v1/jobs/1/tasks?state=", 400);
  server.get("/api/v1/jobs/2/tasks", 404);
}

TEST_CASE("a task is shown with its attempts") {
  ApiServer server;
  submit_five(server);
  auto const failed = server.get("/api/v1/jobs/1/tasks/1");
  REQUIRE(failed.at("history").size() == 1);
  CHECK(failed.at("history")[0].at("state") == "failed");
  CHECK(failed.at("history")[0].at("group") == 4);
  auto const running = server.get("/api/v1/jobs/1/tasks/2");
  CHECK(running.at("history").back().at("state") == "running");
  server.post("/api/v1/jobs/1/retry", R"({"tasks":"1"})");
  CHECK(server.get("/api/v1/jobs/1/tasks/1").at("history").size() == 1);
  CHECK_THAT(server.get("/api/v1/jobs/1/tasks/5", 404).at("error").get<std::string>(),
             contains("job 1 has no task 5: its tasks are 0 to 4"));
}

TEST_CASE("why a task does not run is explained") {
  ApiServer server;
  submit_five(server);
  auto const why = [&](int task) {
    return server.get(fmt::format("/api/v1/jobs/1/tasks/{}/explain", task)).at("why").get<std::string>();
  };
  CHECK(why(0) == "it has ended: finished");
  CHECK(why(2) == "it runs on group 6, attempt 1");
  CHECK_THAT(why(4), contains("it waits for a group: 1 of 1 groups run other tasks"));
  server.submit(8, {{"priority", 5}});
  CHECK_THAT(why(4), contains("8 tasks of jobs with a higher priority come first"));
  server.dispatcher.change([](auto& facts) { facts.problem = "mpiexec is not there"; });
  CHECK_THAT(why(4), contains("no group can be started: mpiexec is not there"));
  server.post("/api/v1/jobs/1/hold");
  CHECK_THAT(why(4), contains("farm job release 1"));
}

TEST_CASE("results are lines of JSON, one for each task that has ended") {
  ApiServer server;
  submit_five(server);
  auto const reply = server.client().request("GET", "/api/v1/jobs/1/results");
  CHECK(reply.headers.at("content-type") == "application/x-ndjson");
  std::istringstream lines{reply.body};
  std::vector<json> records;
  for (std::string line; std::getline(lines, line);) records.push_back(json::parse(line));
  REQUIRE(records.size() == 3);
  CHECK(records[0].at("index") == 0);
  CHECK(records[0].at("result").at("x") == 1.5);
  CHECK(records[1].at("error").at("text") == "it broke");
  CHECK(records[1].at("attempts") == 1);
  CHECK(records[2].at("index") == 3);
  CHECK_THAT(server.ask("GET", "/api/v1/jobs/1/results?from=1&limit=1"), contains(R"("index":1,)"));
  CHECK(server.ask("GET", "/api/v1/jobs/1/results?from=4").empty());
  CHECK(server.ask("GET", "/api/v1/jobs/1/results?from=18446744073709551615&limit=18446744073709551615").empty());
}

TEST_CASE("answers that would be too large are refused, and say what to do") {
  ApiServer server;
  auto const job = server.submit(70);
  REQUIRE(server.queue().take(70).size() == 70);
  std::string const value = '"' + std::string(std::size_t{4} << 20U, 'x') + '"';
  for (std::uint64_t task = 0; task < 70; ++task) server.end(job, task, TaskState::finished, value);
  for (auto const* what : {"results", "tasks"}) {
    auto const error = server.get(fmt::format("/api/v1/jobs/1/{}", what), 413).at("error").get<std::string>();
    CHECK_THAT(error, contains("more than 256 MiB"));
    CHECK_THAT(error, contains("limit="));
    CHECK(server.ask("GET", fmt::format("/api/v1/jobs/1/{}?limit=5", what)).size() > 5 * value.size());
  }
}

TEST_CASE("logs are read piece by piece, of a job and of a task") {
  ApiServer server;
  server.submit(2);
  auto const directory = server.directory() / "output" / "1";
  std::filesystem::create_directories(directory);
  std::string const text(std::size_t{3} << 20U, 'a');
  std::ofstream{directory / "0.1.txt"} << text;
  std::ofstream{directory / "1.1.txt"} << "of task 1\n";
  std::ofstream{server.directory() / "output" / "secret"} << "secret";
  std::string whole;
  for (std::string from = "0";;) {
    auto const reply = server.client().request("GET", "/api/v1/jobs/1/log?from=" + from);
    REQUIRE(reply.status == 200);
    if (reply.body.empty()) break;
    whole += reply.body;
    from = reply.headers.at("x-next");
    CHECK(from == std::to_string(whole.size()));
  }
  CHECK((whole == text + "of task 1\n"));
  CHECK(server.ask("GET", "/api/v1/jobs/1/log?task=1") == "of task 1\n");
  CHECK(server.ask("GET", "/api/v1/jobs/1/log?task=1&from=3") == "task 1\n");
  CHECK(server.ask("GET", "/api/v1/jobs/1/log?task=1&from=3000").empty());
  server.get("/api/v1/jobs/1/log?task=2", 404);
  for (auto const* path : {"../secret", "..%2Fsecret", "1%2F..%2F..", "0x1", "+1", "1%00", "-1", "1.0", ""})
    CHECK(server.client().request("GET", fmt::format("/api/v1/jobs/{}/log", path)).status >= 400);
  server.get("/api/v1/jobs/1/log?task=../secret", 400);
}
