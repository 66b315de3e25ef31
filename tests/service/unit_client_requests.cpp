// How clients find a server, and what they say if there is none.
#include "spawn/service/client/requests.hpp"
#include "tests/service/http_peer.hpp"
#include "tests/service/scripted_service.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/error.hpp>
#include <farm/service_error.hpp>

#include <fstream>

using namespace farm;
using namespace farm::detail;

namespace {

std::string const one_job = job_json(5, "running", 3, R"("running":2,"finished":1)", R"(,"extra":1)");

}  // namespace

TEST_CASE("without a server, one line says how to start one") {
  Scratch const scratch{"client-none"};
  auto const directory = scratch.path.string();
  auto const expected = "no server runs in " + directory + "; start one: farm serve --dir " + directory;
  Requests requests{{.directory = directory}};
  CHECK(error_of<NoServer>([&] { static_cast<void>(requests.server()); }) == expected);
  Requests nowhere{{.directory = directory + "/not/there"}};
  CHECK(error_of<NoServer>([&] { static_cast<void>(nowhere.server()); }).starts_with("no server runs in "));
}

TEST_CASE("a server that was killed has left its socket, and is not there") {
  Scratch const scratch{"client-killed"};
  {
    Descriptor const left{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    http::UnixAddress const address{(scratch.path / "server.sock").string()};
    REQUIRE(bind(left.get(), address.get(), http::UnixAddress::size()) == 0);
  }
  Requests requests{{.directory = scratch.path}};
  CHECK(error_of<NoServer>([&] { static_cast<void>(requests.server()); }).starts_with("no server runs in "));
}

TEST_CASE("a server that hangs is given up, and named") {
  Scratch const scratch{"client-hangs"};
  Descriptor const socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  http::UnixAddress const address{(scratch.path / "server.sock").string()};
  REQUIRE(bind(socket.get(), address.get(), http::UnixAddress::size()) == 0);
  REQUIRE(listen(socket.get(), 5) == 0);
  std::ofstream{scratch.path / "server.json"} << R"({"host":"","process":4711,"addresses":[]})";
  Requests requests{{.directory = scratch.path, .limit = 0.1}};
  CHECK(error_of<NoServer>([&] { static_cast<void>(requests.server()); }) ==
        "the server of " + scratch.path.string() + " (process 4711) has not answered for 0.1 s");
}

TEST_CASE("a server on another host is reached by its port, with the token of the directory") {
  ScriptedService service{"elsewhere", {"127.0.0.1:0"}, "secret"};
  service.on("GET /api/v1/jobs/5", {one_job});
  std::ofstream{service.directory() / "token"} << "secret\n";
  std::ofstream{service.directory() / "server.json"} << R"({"host":"some.other.host","process":1,"addresses":[")"
                                                     << service.port() << R"("]})";
  std::filesystem::rename(service.directory() / "server.sock", service.directory() / "moved");
  CHECK(Requests{{.directory = service.directory()}}.job(5).job == 5);

  std::ofstream{service.directory() / "server.json"} << R"({"host":"some.other.host","process":1,"addresses":[]})";
  CHECK(error_of<NoServer>([&] {
          static_cast<void>(Requests{{.directory = service.directory()}}.job(5));
        }).find("the last one was on some.other.host and listens on no port") != std::string::npos);
}

TEST_CASE("a wrong token is told by where it is from") {
  ScriptedService service{"token", {"127.0.0.1:0"}, "secret"};
  service.on("GET /api/v1/jobs/5", {one_job});
  auto const port = service.port();
  CHECK(Requests{{.server = port, .token = "secret"}}.job(5).job == 5);
  CHECK(error_of<ServiceError>([&] { static_cast<void>(Requests{{.server = port, .token = "wrong"}}.job(5)); }) ==
        "the server at " + port + " refuses the token that was given");
  std::ofstream{service.directory() / "token"} << "old";
  CHECK(error_of<ServiceError>([&] {
          static_cast<void>(Requests{{.directory = service.directory(), .server = port}}.job(5));
        }) == "the server at " + port + " refuses " + (service.directory() / "token").string());
  Scratch const empty{"client-no-token"};
  CHECK(error_of<UsageError>([&] {
          static_cast<void>(Requests{{.directory = empty.path, .server = port}}.job(5));
        }).starts_with("there is no token for the server at " + port));
}

TEST_CASE("the server's own line is the error, with the nearest word") {
  ScriptedService service{"refuses"};
  service.on("GET /api/v1/jobs/9", {R"({"error":"there is no job 9","nearest":"8"})"}, 404);
  Requests requests{{.directory = service.directory()}};
  try {
    static_cast<void>(requests.job(9));
    FAIL("no error");
  } catch (ServiceError const& error) {
    CHECK(error.status() == 404);
    CHECK(std::string{error.what()} == "there is no job 9");
    CHECK(error.nearest() == "8");
  }
  service.on("GET /api/v1/jobs/9", {"<html>"}, 502);
  CHECK(error_of<ServiceError>([&] { static_cast<void>(requests.job(9)); }) ==
        "the server of " + service.directory().string() + " answers GET /api/v1/jobs/9 with status 502");
}

TEST_CASE("an answer of another version is an error that names what is wrong with it") {
  ScriptedService service{"version"};
  Requests requests{{.directory = service.directory()}};
  for (auto const& [body, what] : {std::pair{"{}", "no 'job'"},
                                   {"[]", "no object"},
                                   {"job 5", "no JSON"},
                                   {R"({"job":"five","state":"running"})", "a wrong 'job'"},
                                   {R"({"job":5,"state":"flying"})", "an unknown state 'flying'"}}) {
    CAPTURE(body);
    service.on("GET /api/v1/jobs/5", {body});
    CHECK_THAT(error_of<ServiceError>([&] { static_cast<void>(requests.job(5)); }), contains(what));
  }
}

TEST_CASE("all that is told of a job is read, and its JSON stays as it is") {
  ScriptedService service{"job"};
  service.on("GET /api/v1/jobs/5", {one_job});
  auto const job = Requests{{.directory = service.directory()}}.job(5);
  CHECK(job.state == TaskState::running);
  CHECK(job.function == "calc");
  CHECK(job.count(TaskState::running) == 2);
  CHECK(job.count_ended() == 1);
  CHECK_FALSE(job.started);
  CHECK(job.json == one_job);
}

TEST_CASE("long lists come in pages") {
  ScriptedService service{"pages"};
  service.on("GET /api/v1/jobs?from=0&limit=1000", {"{\"jobs\":[" + job_json(1, "finished", 1, "") + "],\"next\":7}"});
  service.on("GET /api/v1/jobs?from=7&limit=1000", {"{\"jobs\":[" + job_json(7, "failed", 1, "") + "],\"next\":null}"});
  std::vector<std::uint64_t> numbers;
  Requests requests{{.directory = service.directory()}};
  requests.for_each_job(std::nullopt, [&](JobReply const& job) { numbers.push_back(job.job); });
  CHECK(numbers == std::vector<std::uint64_t>{1, 7});
}

TEST_CASE("results of a long job come in parts, also where no task has ended yet") {
  ScriptedService service{"results"};
  service.on("GET /api/v1/jobs/1", {job_json(1, "running", 25'000, "")});
  service.on("GET /api/v1/jobs/1/results?from=0&limit=10000", {""});
  service.on("GET /api/v1/jobs/1/results?from=10000&limit=10000",
             {"{\"index\":10001,\"input\":1,\"result\":[1.50],\"attempts\":1,\"seconds\":0.5}\n"});
  service.on("GET /api/v1/jobs/1/results?from=20000&limit=10000",
             {"{\"index\":20000,\"input\":2,\"error\":{\"type\":\"t\",\"text\":\"x\",\"rank\":1,\"host\":\"h\"},"
              "\"attempts\":2,\"seconds\":1}\n"});
  Requests requests{{.directory = service.directory()}};
  std::vector<ResultReply> results;
  requests.for_each_result(1, 0, [&](ResultReply&& result) {
    results.push_back(std::move(result));
    return true;
  });
  REQUIRE(results.size() == 2);
  CHECK(results[0].index == 10001);
  CHECK_FALSE(results[0].error);
  REQUIRE(results[1].error);
  CHECK(results[1].error->text == "x");
  CHECK(results[1].error->rank == 1);
}

TEST_CASE("a request waits for a server that is started anew, if it was there before") {
  ScriptedService service{"anew"};
  service.on("GET /api/v1/jobs/5", {one_job});
  std::vector<std::string> away;
  Requests requests{{.directory = service.directory(), .patience = 60, .when_away = [&](std::string const& why) {
                       away.push_back(why);
                       service.start();
                     }}};
  CHECK(requests.job(5).job == 5);
  service.stop();
  CHECK(requests.job(5).job == 5);
  REQUIRE(away.size() == 1);
  CHECK_THAT(away[0], contains("no server runs in "));

  service.stop();
  Requests impatient{{.directory = service.directory(), .patience = 60}};
  CHECK(error_of<NoServer>([&] { static_cast<void>(impatient.job(5)); }).starts_with("no server runs in "));
}

TEST_CASE("changes name the tasks that they are about") {
  ScriptedService service{"changes"};
  service.on("POST /api/v1/jobs/5/cancel", {R"({"tasks":3})"});
  service.on("POST /api/v1/jobs/5/retry", {R"({"tasks":1})"});
  service.on("POST /api/v1/jobs/5/priority", {"{}"});
  service.on("POST /api/v1/server/stop", {"{}"});
  Requests requests{{.directory = service.directory()}};
  CHECK(requests.cancel(5) == 3);
  CHECK(service.body().empty());
  CHECK(requests.retry(5, "0-2,7") == 1);
  CHECK(service.body() == R"({"tasks":"0-2,7"})");
  requests.set_priority(5, -3);
  CHECK(service.body() == R"({"priority":-3})");
  requests.stop(true);
  CHECK(service.body() == R"({"mode":"drain"})");
}
