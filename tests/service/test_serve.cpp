// A server as a user starts it, asked over its Unix socket.
#include "tests/service/server_process.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string tasks_of(std::uint64_t job) { return fmt::format("/api/v1/jobs/{}/tasks", job); }

std::vector<std::string> records(ServerProcess& server, std::uint64_t job) {
  auto const reply = server.client().request("GET", fmt::format("/api/v1/jobs/{}/results", job));
  REQUIRE(reply.status == 200);
  std::vector<std::string> lines;
  std::istringstream text{reply.body};
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::string log_of(ServerProcess& server, std::string const& query) {
  return server.client().request("GET", query).body;
}

}  // namespace

TEST_CASE("a job of functions runs, and its results are those of the functions") {
  ServerProcess server{new_directory("functions")};
  REQUIRE(server.start());
  auto const job = server.submit(job_of("calc", {{"ranks", 2}, {"name", "first"}}), {"1", "2", "3", "4"});
  auto const ended = server.wait_for_job(job);
  CHECK(ended.at("state") == "finished");
  CHECK(ended.at("name") == "first");
  auto const lines = records(server, job);
  REQUIRE(lines.size() == 4);
  for (int i = 0; i < 4; ++i) {
    auto const record = json::parse(lines[static_cast<std::size_t>(i)]);
    CHECK(record.at("index") == i);
    CHECK(record.at("input") == i + 1);
    CHECK(record.at("result") == json::array({i + 1, 2, 0}));
    CHECK(record.at("attempts") == 1);
  }
  auto const task = server.get(tasks_of(job) + "/2");
  CHECK(task.at("state") == "finished");
  CHECK(task.at("history").size() == 1);
  CHECK(!task.at("hosts").empty());
  CHECK(!task.at("group").is_null());
  CHECK(server.stop() == 0);
}

TEST_CASE("a job goes on under the next server, and finished tasks do not run again") {
  ServerProcess server{new_directory("next")};
  REQUIRE(server.start());
  auto const file = fs::absolute("next.effects").string();
  fs::remove(file);
  std::vector<std::string> inputs;
  for (int i = 0; i < 20; ++i) inputs.push_back(json::array({file, i, 20}).dump());
  auto const job = server.submit(job_of("append_late"), inputs);
  REQUIRE(
      becomes_true([&] { return server.get(fmt::format("/api/v1/jobs/{}", job)).at("counts").at("finished") >= 4; }));
  CHECK(server.stop() == 0);
  REQUIRE(server.start());
  CHECK(server.wait_for_job(job).at("state") == "finished");
  std::ifstream in{file};
  std::vector<int> counts(20);
  int number = 0;
  int attempt = 0;
  while (in >> number >> attempt) ++counts.at(static_cast<std::size_t>(number));
  for (int const count : counts) CHECK(count >= 1);
}

TEST_CASE("a job with cache takes the results of earlier jobs, under the next server, too") {
  ServerProcess server{new_directory("cached")};
  REQUIRE(server.start());
  auto const file = fs::absolute("cached.effects").string();
  fs::remove(file);
  auto const lines = [&] {
    std::ifstream in{file};
    return std::count(std::istreambuf_iterator<char>{in}, {}, '\n');
  };
  auto const submit = [&](int first) {
    std::vector<std::string> inputs;
    for (int i = first; i < first + 10; ++i) inputs.push_back(json::array({file, i}).dump());
    auto const job = server.submit(job_of("append", {{"cache", true}}), inputs);
    CHECK(server.wait_for_job(job).at("state") == "finished");
    for (int i = 0; i < 10; ++i)
      CHECK(json::parse(records(server, job).at(static_cast<std::size_t>(i))).at("result") == first + i);
    return json::parse(records(server, job).at(0)).at("attempts");
  };
  CHECK(submit(0) == 1);
  CHECK(lines() == 10);
  CHECK(submit(5) == 0);
  CHECK(lines() == 15);
  CHECK(server.stop() == 0);
  REQUIRE(server.start());
  CHECK(submit(5) == 0);
  CHECK(lines() == 15);
  CHECK(server.stop() == 0);
}

TEST_CASE("a task that fails tells why, and runs again when it is retried") {
  ServerProcess server{new_directory("failing")};
  REQUIRE(server.start());
  auto const file = fs::absolute("failing.file").string();
  fs::remove(file);
  auto const job = server.submit(job_of("fail_without"), {json(file).dump()});
  auto const failed = server.wait_for_job(job);
  CHECK(failed.at("state") == "failed");
  CHECK_THAT(failed.at("first_error").at("text").get<std::string>(), contains("there is no " + file));
  std::ofstream{file} << "\n";
  CHECK(server.post(fmt::format("/api/v1/jobs/{}/retry", job)).at("tasks") == 1);
  CHECK(server.wait_for_job(job).at("state") == "finished");
  auto const task = server.get(tasks_of(job) + "/0");
  CHECK(task.at("attempts") == 2);
  REQUIRE(task.at("history").size() == 2);
  CHECK(task.at("history")[0].at("state") == "failed");
  CHECK(task.at("history")[1].at("state") == "finished");
}

TEST_CASE("a task whose rank dies runs again, and its history tells how") {
  ServerProcess server{new_directory("dying")};
  REQUIRE(server.start());
  auto const job = server.submit(job_of("die_once"), {"7"});
  CHECK(server.wait_for_job(job).at("state") == "finished");
  auto const task = server.get(tasks_of(job) + "/0");
  CHECK(task.at("attempts") == 2);
  REQUIRE(task.at("history").size() == 2);
  CHECK(task.at("history")[0].at("state") == "lost");
  CHECK_THAT(task.at("history")[0].at("text").get<std::string>(), contains("signal 9"));
}

TEST_CASE("a running task is cancelled, and says where it runs until then") {
  ServerProcess server{new_directory("cancelling")};
  REQUIRE(server.start());
  auto const never = json(fs::absolute("never").string()).dump();
  auto const job = server.submit(job_of("wait_for"), {never, never});
  REQUIRE(becomes_true([&] {
    return server.get(tasks_of(job) + "/0/explain").at("why").get<std::string>().find("group") != std::string::npos &&
           !server.get(tasks_of(job) + "/0").at("group").is_null();
  }));
  CHECK(server.post(fmt::format("/api/v1/jobs/{}/cancel", job), R"({"tasks": "0"})").at("tasks") == 1);
  REQUIRE(becomes_true([&] { return server.get(tasks_of(job) + "/0").at("state") == "cancelled"; }));
  CHECK(server.get(tasks_of(job) + "/1").at("state") == "running");
  CHECK(server.post(fmt::format("/api/v1/jobs/{}/cancel", job)).at("tasks") == 1);
  CHECK(server.wait_for_job(job).at("state") == "cancelled");
}

TEST_CASE("a held job waits, and a job comes after another") {
  ServerProcess server{new_directory("holding")};
  REQUIRE(server.start());
  auto const held = server.submit(job_of("no_op", {{"hold", true}}), {"1"});
  auto const after = server.submit(job_of("no_op", {{"after", {held}}}), {"2"});
  CHECK(server.get(fmt::format("/api/v1/jobs/{}", held)).at("state") == "held");
  CHECK(server.get(fmt::format("/api/v1/jobs/{}", after)).at("state") == "blocked");
  server.post(fmt::format("/api/v1/jobs/{}/release", held));
  CHECK(server.wait_for_job(after).at("state") == "finished");
  CHECK(server.get(fmt::format("/api/v1/jobs/{}", held)).at("state") == "finished");
}

TEST_CASE("what tasks print is kept with the job, each task's by itself") {
  ServerProcess server{new_directory("logging")};
  REQUIRE(server.start());
  auto const job = server.submit(job_of("say"), {R"("one")", R"("two")"});
  server.wait_for_job(job);
  CHECK(log_of(server, fmt::format("/api/v1/jobs/{}/log?task=0", job)) == "one\n");
  CHECK(log_of(server, fmt::format("/api/v1/jobs/{}/log?task=1", job)) == "two\n");
  CHECK(log_of(server, fmt::format("/api/v1/jobs/{}/log", job)) == "one\ntwo\n");
  CHECK(log_of(server, fmt::format("/api/v1/jobs/{}/log?from=4", job)) == "two\n");
  json const spec{{"kinds", {{{"command", {"echo", "task", "{task}", "of", "{job}"}}}}}};
  auto const program = server.submit(spec, {"null", "null"});
  CHECK(server.wait_for_job(program).at("state") == "finished");
  CHECK(log_of(server, fmt::format("/api/v1/jobs/{}/log?task=1", program)) == fmt::format("task 1 of {}\n", program));
  server.post(fmt::format("/api/v1/jobs/{}/forget", job));
  CHECK(!fs::exists(server.directory() / "output" / std::to_string(job)));
}

TEST_CASE("an array that a task returns stays as long as its job, and is the argument of another") {
  ServerProcess server{new_directory("arrays")};
  REQUIRE(server.start());
  auto const job = server.submit(job_of("numbers"), {"100000"});
  CHECK(server.wait_for_job(job).at("state") == "finished");
  CHECK(server.stop() == 0);
  REQUIRE(server.start());
  auto const array = json::parse(records(server, job).at(0)).at("result");
  CHECK(fs::exists(array.at("file").get<std::string>()));
  auto const sum = server.submit(job_of("sum"), {array.dump()});
  CHECK(server.wait_for_job(sum).at("state") == "finished");
  CHECK(json::parse(records(server, sum).at(0)).at("result") == 4999950000.0);
  server.post(fmt::format("/api/v1/jobs/{}/forget", job));
  CHECK(!fs::exists(array.at("file").get<std::string>()));
}

TEST_CASE("tasks of programs have ranks of their own, a status, and a directory if they ask for it") {
  ServerProcess server{new_directory("programs")};
  REQUIRE(server.start());
  json const good{{"kinds", {{{"command", {"sh", "-c", "exit {}"}}, {"columns", {"status"}}}}}};
  auto const job = server.submit(good, {"0", "3"});
  CHECK(server.wait_for_job(job).at("counts").at("failed") == 1);
  auto const task = server.get(tasks_of(job) + "/1");
  CHECK(task.at("error").at("status") == 3);
  auto const base = fs::absolute("task-directories").string();
  json const own{{"kinds", {{{"command", {"sh", "-c", "echo {task} > file"}}, {"task_directory", base}}}}};
  CHECK(server.wait_for_job(server.submit(own, {"null", "null"})).at("state") == "finished");
  CHECK(fs::exists(fs::path{base} / "1" / "file"));
}

TEST_CASE("a job that cannot run here is refused whole, with the reason") {
  ServerProcess server{new_directory("refusing")};
  REQUIRE(server.start());
  auto const refuse = [&](std::string const& body) {
    return server.post("/api/v1/jobs", body, 400).at("error").get<std::string>();
  };
  auto const head = [](json const& spec, int tasks) { return json{{"spec", spec}, {"tasks", tasks}}.dump() + "\n"; };
  CHECK_THAT(refuse(head(job_of("clac"), 1) + "1"), contains("did you mean calc?"));
  CHECK_THAT(refuse(head(job_of("calc"), 2) + "1\n\"x\""), contains("task 1"));
  CHECK_THAT(refuse(head(job_of("calc"), 3) + "1\n2"), contains("nothing was submitted"));
  CHECK_THAT(refuse(head(job_of("calc", {{"ranks", 99}}), 1) + "1"), contains("99"));
  CHECK_THAT(refuse("nothing"), contains("line 1"));
  CHECK(server.get("/api/v1/jobs").at("jobs").empty());
}

TEST_CASE("a second server names the first, and leaves it alone") {
  ServerProcess server{new_directory("second")};
  REQUIRE(server.start());
  auto const process = server.process();
  auto const command =
      fmt::format("'{}' serve --dir '{}' > second.txt 2>&1", SERVICE_TASKS_PROGRAM, server.directory().string());
  CHECK(std::system(command.c_str()) != 0);
  std::ostringstream said;
  said << std::ifstream{"second.txt"}.rdbuf();
  CHECK_THAT(said.str(), contains(fmt::format("has a server already: process {}", process)));
  CHECK(server.get("/api/v1/server").at("process") == process);
}

TEST_CASE("SIGTERM lets tasks that run come to their end, and the others wait for the next server") {
  ServerProcess server{new_directory("draining"), ServerProcess::Source::launched, {"--max-ranks", "1"}};
  REQUIRE(server.start());
  auto const go = fs::absolute("draining.go").string();
  fs::remove(go);
  auto const job = server.submit(job_of("wait_for"), {json(go).dump(), json(go).dump(), json(go).dump()});
  REQUIRE(becomes_true([&] { return !server.get(tasks_of(job) + "/0").at("group").is_null(); }));
  server.signal(SIGTERM);
  REQUIRE(becomes_true([&] { return server.get("/api/v1/server").at("state") == "stopping"; }));
  std::ofstream{go} << "\n";
  CHECK(server.wait() == 0);
  REQUIRE(server.start());
  CHECK(server.wait_for_job(job).at("state") == "finished");
  CHECK(server.get(tasks_of(job) + "/0").at("attempts") == 1);
}

#ifdef FARM_CAN_SPAWN
TEST_CASE("mpiexec -n 1 -host HOST:SLOTS PROGRAM serve is a server with spawned groups") {
  ServerProcess server{new_directory("spawned"), ServerProcess::Source::spawned};
  REQUIRE(server.start());
  CHECK(server.get("/api/v1/server").at("source") == "spawned");
  auto const job = server.submit(job_of("calc", {{"ranks", 2}}), {"1", "2", "3"});
  CHECK(server.wait_for_job(job).at("state") == "finished");
  CHECK(json::parse(records(server, job).at(2)).at("result") == json::array({3, 2, 0}));
  CHECK(server.stop() == 0);
}
#endif
