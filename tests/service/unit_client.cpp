// farm::Client, with a server that answers as the table of requests says.
#include <farm/client.hpp>
#include <farm/task_registry.hpp>

#include "spawn/service/protocol/submission.hpp"
#include "tests/service/scripted_service.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <tuple>

using namespace farm;
using namespace std::chrono_literals;

namespace {

double client_heat(double alpha, int n, Comm const& /*comm*/) { return alpha * n; }
std::string client_greet(std::string const& name) { return "hello " + name; }
void client_nothing() {}
int client_unregistered(int i) { return i; }

}  // namespace

FARM_TASK(client_heat, "alpha", "n")
FARM_TASK(client_greet)
FARM_TASK(client_nothing)

namespace {

constexpr auto accepted = R"({"job":5,"tasks":1})";

std::string task_json(std::uint64_t task, std::string const& state, std::string const& result,
                      std::string const& error = "null") {
  return fmt::format(R"({{"job":5,"task":{},"name":null,"state":"{}","input":1,"result":{},"error":{},"attempts":1,)"
                     R"("seconds":0.5,"started":1,"ended":null,"group":null,"hosts":[],"peak_memory":null,"needs":[],)"
                     R"("progress":null}})",
                     task, state, result, error);
}

/// A server that has taken job 5, whose only task ends like this.
struct Taken {
  Taken(std::string const& name, std::string const& task) : service(name) {
    service.on("POST /api/v1/jobs", {accepted}, 201);
    service.on("GET /api/v1/jobs/5", {job_json(5, "finished", 1, R"("finished":1)")});
    service.on("GET /api/v1/jobs/5/wait", {job_json(5, "finished", 1, R"("finished":1)")});
    service.on("GET /api/v1/jobs/5/tasks/0", {task});
  }
  ScriptedService service;
  Client client{{.directory = service.directory()}};
};

}  // namespace

TEST_CASE("a client calls a registered function with its types") {
  Taken taken{"typed", task_json(0, "finished", "1.5")};
  auto const future = taken.client.submit({.name = "one", .ranks = 2, .timeout = 90s}, client_heat, 1, 3L);
  static_assert(std::is_same_v<decltype(future.result()), double>);
  auto const sent = detail::read_submission(taken.service.body());
  CHECK(sent.spec.name == "one");
  CHECK(sent.spec.kinds.at(0).function == "client_heat");
  CHECK(sent.spec.kinds.at(0).ranks == 2);
  CHECK(sent.spec.kinds.at(0).timeout == 90);
  CHECK(sent.tasks.at(0).input == R"({"alpha":1.0,"n":3})");
  CHECK(future.job().number() == 5);
  CHECK(future.result() == 1.5);
  CHECK(future.done());
}

TEST_CASE("a client calls a function by its name") {
  Taken taken{"named", task_json(0, "finished", R"([1,"x"])")};
  auto const future = taken.client.submit<std::tuple<int, std::string>>("calc", 1, "two", std::vector{3.5});
  CHECK(detail::read_submission(taken.service.body()).tasks.at(0).input == R"([1,"two",[3.5]])");
  CHECK(future.result() == std::tuple{1, std::string{"x"}});
  static_cast<void>(taken.client.submit<void>("calc"));
  CHECK(detail::read_submission(taken.service.body()).tasks.at(0).input == "[]");
  static_cast<void>(taken.client.submit<void>({.priority = 3}, "calc", "only"));
  CHECK(detail::read_submission(taken.service.body()).tasks.at(0).input == R"("only")");
  CHECK(detail::read_submission(taken.service.body()).spec.priority == 3);
}

TEST_CASE("a function that this program has not registered is refused before anything is sent") {
  Taken taken{"unregistered", task_json(0, "finished", "1")};
  CHECK_THAT(error_of<UsageError>([&] { static_cast<void>(taken.client.submit(client_unregistered, 1)); }),
             contains("write FARM_TASK(function), or call it by its name"));
  CHECK(taken.service.requests().empty());
}

TEST_CASE("a task that returns nothing has a future of nothing") {
  Taken taken{"void", task_json(0, "finished", "null")};
  auto const future = taken.client.submit(client_nothing);
  static_assert(std::is_void_v<decltype(future.result())>);
  future.result();
}

TEST_CASE("the error of a task has the type that the task threw") {
  Taken taken{"errors", task_json(0, "failed", "null",
                                  R"({"type":"std::invalid_argument","text":"no","rank":1,"host":"node7"})")};
  auto const future = taken.client.submit(client_greet, "you");
  CHECK_THROWS_AS(future.result(), std::invalid_argument);
  try {
    future.result();
    FAIL("no error");
  } catch (TaskError const& error) {
    CHECK(error.type() == "std::invalid_argument");
    CHECK(error.text() == "no");
    CHECK(error.rank() == 1);
    CHECK(error.host() == "node7");
    CHECK(error.name() == "5.0");
  }
}

TEST_CASE("an error of the user's own class can be caught as a TaskError") {
  Taken taken{"own", task_json(0, "failed", "null", R"({"type":"mine::Error","text":"no","rank":0,"host":"h"})")};
  auto const future = taken.client.submit(client_greet, "you");
  CHECK_THROWS_AS(future.result(), TaskError);
  CHECK_THROWS_AS(future.result(), std::runtime_error);
}

TEST_CASE("an error that no rank threw is no TaskError") {
  for (auto const* const type : {"farm::TimeoutError", "farm::GroupLost", "farm::CancelledError"}) {
    CAPTURE(type);
    Taken taken{"none-threw", task_json(0, "failed", "null",
                                        fmt::format(R"({{"type":"{}","text":"late","rank":null,"host":null}})", type))};
    auto const future = taken.client.submit(client_greet, "you");
    CHECK_THROWS_WITH(future.result(), contains("late"));
    bool is_task_error = true;
    try {
      future.result();
    } catch (TaskError const&) {
    } catch (Error const&) {
      is_task_error = false;
    }
    CHECK_FALSE(is_task_error);
  }
}

TEST_CASE("a task that was cancelled has a CancelledError") {
  Taken taken{"cancelled", task_json(0, "cancelled", "null")};
  CHECK_THROWS_AS(taken.client.submit(client_greet, "you").result(), CancelledError);
}

TEST_CASE("a result of another type than asked for is an error") {
  Taken taken{"type", task_json(0, "finished", R"("text")")};
  CHECK_THAT(error_of<SerializationError>([&] { static_cast<void>(taken.client.submit<int>("calc", 1).result()); }),
             contains(R"(the result of a task is "text": )"));
}

TEST_CASE("a map has a task for each input, and the results in their order") {
  ScriptedService service{"map"};
  service.on("POST /api/v1/jobs", {R"({"job":5,"tasks":2})"}, 201);
  service.on("GET /api/v1/jobs/5", {job_json(5, "failed", 2, "")});
  service.on("GET /api/v1/jobs/5/wait", {job_json(5, "running", 2, ""), job_json(5, "failed", 2, "")});
  service.on("GET /api/v1/jobs/5/results",
             {R"({"index":0,"input":0,"result":1.5,"attempts":1,"seconds":0})"
              "\n"
              R"({"index":1,"input":0,"error":{"type":"std::out_of_range","text":"far","rank":0,"host":"h"},)"
              R"("attempts":1,"seconds":0})"
              "\n"});
  Client client{{.directory = service.directory()}};
  auto const job = client.map(client_heat, std::vector{std::tuple{0.5, 3}, std::tuple{0.25, 4}});
  auto const sent = detail::read_submission(service.body());
  REQUIRE(sent.tasks.size() == 2);
  CHECK(sent.tasks[1].input == R"({"alpha":0.25,"n":4})");
  auto const outcomes = job.outcomes();
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0].value() == 1.5);
  CHECK_THROWS_AS(outcomes[1].value(), std::out_of_range);
  CHECK_THROWS_AS(job.results(), std::out_of_range);
  CHECK(job.size() == 2);
  CHECK_THAT(error_of<UsageError>([&] { static_cast<void>(client.map(client_greet, std::vector<std::string>{})); }),
             contains("there are no inputs for client_greet"));
}

TEST_CASE("a program is submitted with its directory, and its future has the exit") {
  Taken taken{"program",
              task_json(0, "finished", R"({"status":0,"signal":0,"seconds":1.5,"peak_memory":4096,"host":"node7"})")};
  auto const future = taken.client.run({.command = {"./solver", "{x}"}, .environment = {{"A", "1"}}});
  auto const sent = detail::read_submission(taken.service.body());
  auto const& kind = sent.spec.kinds.at(0);
  CHECK(kind.command == std::vector<std::string>{(std::filesystem::current_path() / "solver").string(), "{{x}}"});
  CHECK(kind.directory == std::filesystem::current_path());
  CHECK(kind.environment == std::map<std::string, std::string>{{"A", "1"}});
  CHECK(sent.tasks.at(0).input == "null");
  auto const exit = future.result();
  CHECK(exit.ok());
  CHECK(exit.seconds == 1.5);
  CHECK(exit.peak_memory == 4096);
  CHECK(exit.host == "node7");
  CHECK_THAT(error_of<UsageError>([&] { static_cast<void>(taken.client.run({.command = {"x"}, .capture = 5})); }),
             contains("does not take a program with captured output"));
}

TEST_CASE("the error of a program has its exit") {
  Taken taken{"exit", task_json(0, "failed", "null",
                                R"({"type":"farm::ProgramError","text":"exited with status 3","rank":0,"host":"h",)"
                                R"("status":3,"signal":0,"peak_memory":10})")};
  try {
    static_cast<void>(taken.client.run({.command = {"false"}}).result());
    FAIL("no error");
  } catch (ProgramError const& error) {
    CHECK(error.exit().status == 3);
    CHECK(error.exit().peak_memory == 10);
    CHECK(dynamic_cast<TaskError const*>(&error) != nullptr);
  }
}

TEST_CASE("a wait with a time comes back when it is over") {
  Taken taken{"wait", task_json(0, "running", "null")};
  auto const future = taken.client.submit(client_greet, "you");
  CHECK_FALSE(future.wait_for(1ms));
  CHECK_FALSE(future.done());
  taken.service.on("GET /api/v1/jobs/5/tasks/0", {task_json(0, "finished", R"("hello")")});
  CHECK(future.wait_for(10min));
  CHECK(future.result() == "hello");
  CHECK(future.job().wait_for(0ms));
}

TEST_CASE("a wait goes on where a server is started anew") {
  Taken taken{"restart", task_json(0, "running", "null")};
  auto const future = taken.client.submit(client_greet, "you");
  std::thread waiter{[&] { CHECK(future.result() == "hello"); }};
  taken.service.stop();
  taken.service.on("GET /api/v1/jobs/5/tasks/0", {task_json(0, "finished", R"("hello")")});
  taken.service.start();
  waiter.join();
}

TEST_CASE("without a server a client says so at once") {
  Scratch const scratch{"client-absent"};
  Client client{{.directory = scratch.path}};
  CHECK_THAT(error_of<NoServer>([&] { static_cast<void>(client.submit(client_greet, "you")); }),
             contains("no server runs in " + scratch.path.string()));
}

TEST_CASE("several threads use one client") {
  Taken taken{"threads", task_json(0, "finished", R"("hello")")};
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { good += taken.client.submit(client_greet, "you").result() == "hello" ? 1 : 0; });
  for (auto& thread : threads) thread.join();
  CHECK(good == 8);
}

TEST_CASE("a job can be watched and changed") {
  Taken taken{"job", task_json(0, "finished", "1")};
  taken.service.on("GET /api/v1/jobs/5",
                   {job_json(5, "failed", 4, R"("finished":1,"failed":2,"held":1)",
                             R"(,"first_error":{"task":3,"type":"t","text":"x","rank":0,"host":"h"})")});
  for (auto const* const what : {"cancel", "hold", "release", "retry"})
    taken.service.on(fmt::format("POST /api/v1/jobs/5/{}", what), {R"({"tasks":2})"});
  taken.service.on("POST /api/v1/jobs/5/forget", {"{}"});
  taken.service.on("GET /api/v1/jobs", {"{\"jobs\":[" + job_json(5, "running", 1, "") + "],\"next\":null}"});
  auto const job = taken.client.job(5);
  CHECK(job.cancel() == 2);
  CHECK(job.hold() == 2);
  CHECK(job.release() == 2);
  CHECK(job.retry() == 2);
  job.forget();
  auto const info = job.info();
  CHECK(info.state == JobState::failed);
  CHECK(info.failed == 2);
  CHECK(info.waiting == 1);
  CHECK(info.has_ended());
  CHECK(info.first_error == "task 5.3 on h: t: x");
  CHECK(taken.client.jobs().at(0).number == 5);
}
