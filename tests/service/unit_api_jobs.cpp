// Requests about jobs.
#include "tests/service/api_server.hpp"

#include <future>
#include <thread>

using namespace farm::detail;
using nlohmann::json;

TEST_CASE("a job that is submitted is shown, and is on disk") {
  ApiServer server;
  auto const job = server.submit(3, {{"name", "sweep"}, {"priority", 2}});
  CHECK(job == 1);
  auto const shown = server.get("/api/v1/jobs/1");
  CHECK(shown.at("name") == "sweep");
  CHECK(shown.at("state") == "waiting");
  CHECK(shown.at("function") == "calc");
  CHECK(shown.at("tasks") == 3);
  CHECK(shown.at("counts").at("waiting") == 3);
  CHECK(shown.at("priority") == 2);
  CHECK(shown.at("started").is_null());
  CHECK(shown.at("ended").is_null());
  CHECK(shown.at("first_error").is_null());
  CHECK(shown.at("spec").at("kinds").at(0).at("function") == "calc");
  CHECK(server.store().tasks(1, 0, 3).at(2).input == "[2]");
}

TEST_CASE("a submission that is not whole is refused, and nothing of it is taken") {
  ApiServer server;
  std::string const head = R"({"spec":{"kinds":[{"function":"calc"}]},"tasks":3})";
  for (auto const& body : {std::string{}, std::string{"nonsense"}, head + "\n1\n2", head + "\n1\n2\nx",
                           head + "\n1\n2\n3\n4", std::string{R"({"spec":{},"tasks":1})"} + "\n1",
                           std::string{R"({"spec":{"kinds":[{"function":"calc"}],"after":[9]},"tasks":1})"} + "\n1"}) {
    CAPTURE(body);
    auto const error = server.post("/api/v1/jobs", body, 400).at("error").get<std::string>();
    CHECK_FALSE(error.empty());
    CHECK(error.find('\n') == std::string::npos);
  }
  CHECK(server.get("/api/v1/jobs").at("jobs").empty());
}

TEST_CASE("a typing error in a submission is answered with the nearest word") {
  ApiServer server;
  auto const member = server.post("/api/v1/jobs",
                                  R"({"spec":{"kinds":[{"fnction":"calc"}]},"tasks":1})"
                                  "\n1",
                                  400);
  CHECK(member.at("nearest") == "function");
  auto const function = server.post("/api/v1/jobs",
                                    R"({"spec":{"kinds":[{"function":"clac"}]},"tasks":1})"
                                    "\n1",
                                    400);
  CHECK(function.at("nearest") == "calc");
}

TEST_CASE("the same key again is the same job") {
  ApiServer server;
  auto const job = server.submit(2, {{"key", "once"}});
  CHECK(server.submit(2, {{"key", "once"}}) == job);
  CHECK(server.submit(2, {{"key", "twice"}}) == job + 1);
}

TEST_CASE("a server that is being stopped takes no jobs") {
  ApiServer server;
  server.dispatcher.change([](auto& facts) { facts.is_stopping = true; });
  CHECK_THAT(server.post("/api/v1/jobs", "x", 503).at("error").get<std::string>(), contains("is being stopped"));
}

TEST_CASE("jobs are listed page by page, and by their state") {
  ApiServer server;
  for (int i = 0; i < 7; ++i) server.submit(1, {{"hold", i % 2 == 1}});
  auto const numbers = [&](std::string const& query) {
    std::vector<int> list;
    auto const reply = server.get("/api/v1/jobs" + query);
    for (auto const& job : reply.at("jobs")) list.push_back(job.at("job"));
    return std::pair{list, reply.at("next")};
  };
  CHECK(numbers("") == std::pair{std::vector{1, 2, 3, 4, 5, 6, 7}, json{}});
  CHECK(numbers("?limit=3") == std::pair{std::vector{1, 2, 3}, json{4}});
  CHECK(numbers("?limit=3&from=4") == std::pair{std::vector{4, 5, 6}, json{7}});
  CHECK(numbers("?limit=3&from=7") == std::pair{std::vector{7}, json{}});
  CHECK(numbers("?state=held") == std::pair{std::vector{2, 4, 6}, json{}});
  CHECK(numbers("?state=held&limit=2") == std::pair{std::vector{2, 4}, json{6}});
  CHECK(numbers("?from=100") == std::pair{std::vector<int>{}, json{}});
  server.get("/api/v1/jobs?state=asleep", 400);
  server.get("/api/v1/jobs?from=x", 400);
  server.get("/api/v1/jobs?limit=-1", 400);
  server.get("/api/v1/jobs?from=99999999999999999999", 400);
}

TEST_CASE("who waits for a job is told when it ends") {
  ApiServer server;
  auto const job = server.submit(2);
  REQUIRE(server.queue().take(2).size() == 2);
  auto waiting = std::async(std::launch::async, [&] {
    return json::parse(server.client().request("GET", "/api/v1/jobs/1/wait?seconds=600").body);
  });
  server.end(job, 0);
  server.end(job, 1, TaskState::failed, some_error);
  auto const shown = waiting.get();
  CHECK(shown.at("state") == "failed");
  CHECK(shown.at("counts").at("finished") == 1);
  CHECK(shown.at("first_error").at("task") == 1);
  CHECK(shown.at("first_error").at("text") == "it broke");
  CHECK(server.get("/api/v1/jobs/1/wait").at("state") == "failed");  // at once
}

TEST_CASE("who waits for a job is answered after some time all the same") {
  ApiServer server;
  server.submit(1);
  CHECK(server.get("/api/v1/jobs/1/wait?seconds=0").at("state") == "waiting");
  CHECK(server.get("/api/v1/jobs/1/wait?seconds=1").at("state") == "waiting");
  server.get("/api/v1/jobs/1/wait?seconds=soon", 400);
  server.get("/api/v1/jobs/2/wait", 404);
}

TEST_CASE("tasks are cancelled and retried, all or some") {
  ApiServer server;
  auto const job = server.submit(10);
  CHECK(server.post("/api/v1/jobs/1/cancel", R"({"tasks":"2,4-5"})") == json{{"tasks", 3}});
  CHECK(server.get("/api/v1/jobs/1").at("counts").at("cancelled") == 3);
  CHECK(server.get("/api/v1/jobs/1/tasks/4").at("state") == "cancelled");
  CHECK(server.post("/api/v1/jobs/1/retry", R"({"tasks":"5"})") == json{{"tasks", 1}});
  CHECK(server.get("/api/v1/jobs/1/tasks/5").at("state") == "waiting");
  CHECK(server.post("/api/v1/jobs/1/cancel") == json{{"tasks", 8}});
  CHECK(server.get("/api/v1/jobs/1").at("state") == "cancelled");
  CHECK(server.post("/api/v1/jobs/1/retry") == json{{"tasks", 10}});
  CHECK(server.queue().info(job).state == TaskState::waiting);
  for (auto const* body : {R"({"tasks":"x"})", R"({"tasks":5})", R"({"task":"5"})", "[]", "5", "{"}) {
    CAPTURE(body);
    server.post("/api/v1/jobs/1/cancel", body, 400);
    server.post("/api/v1/jobs/1/retry", body, 400);
  }
  server.post("/api/v1/jobs/9/cancel", {}, 404);
}

TEST_CASE("jobs are held, released and given another priority") {
  ApiServer server;
  server.submit(4);
  CHECK(server.post("/api/v1/jobs/1/hold") == json{{"tasks", 4}});
  auto const held = server.get("/api/v1/jobs/1");
  CHECK(held.at("state") == "held");
  CHECK_THAT(held.at("why").get<std::string>(), contains("farm job release 1"));
  CHECK(server.queue().take(9).empty());
  CHECK(server.post("/api/v1/jobs/1/release") == json{{"tasks", 4}});
  CHECK(server.queue().take(9).size() == 4);
  CHECK(server.post("/api/v1/jobs/1/priority", R"({"priority":-7})") == json::object());
  CHECK(server.get("/api/v1/jobs/1").at("priority") == -7);
  for (auto const* body : {"", "{}", R"({"priority":"high"})", R"({"priority":1.5})", R"({"priority":99999999999})"})
    server.post("/api/v1/jobs/1/priority", body, 400);
}

TEST_CASE("a job that has ended is forgotten with all that is kept of it") {
  ApiServer server;
  auto const job = server.submit(1);
  CHECK_THAT(server.post("/api/v1/jobs/1/forget", {}, 409).at("error").get<std::string>(), contains("has not ended"));
  REQUIRE(server.queue().take(1).size() == 1);
  server.end(job, 0);
  for (auto const* kind : {"output", "arrays"})
    std::filesystem::create_directories(server.directory() / kind / "1" / "deep");
  CHECK(server.post("/api/v1/jobs/1/forget") == json::object());
  CHECK_FALSE(std::filesystem::exists(server.directory() / "output" / "1"));
  CHECK_FALSE(std::filesystem::exists(server.directory() / "arrays" / "1"));
  server.get("/api/v1/jobs/1", 404);
  server.get("/api/v1/jobs/1/tasks", 404);
  server.post("/api/v1/jobs/1/forget", {}, 404);
}

TEST_CASE("a thousand jobs are listed in one answer") {
  ApiServer server;
  for (int i = 0; i < 1000; ++i) {
    server.queue().submit({.name = fmt::format("job {}", i), .kinds = {{.function = "calc"}}},
                          {{.input = "1"}, {.input = "2"}}, [](std::uint64_t, std::string const&) {});
  }
  server.flush();
  auto const before = std::chrono::steady_clock::now();
  auto const text = server.ask("GET", "/api/v1/jobs");
  auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  UNSCOPED_INFO("seconds: " << seconds);
  CHECK(json::parse(text).at("jobs").size() == 1000);
}
