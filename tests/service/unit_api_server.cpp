// Requests about the server, and requests that there are not.
#include "tests/service/api_server.hpp"

#include <map>
#include <set>
#include <sstream>

using namespace farm::detail;
using nlohmann::json;

TEST_CASE("the server tells what it is and how it is") {
  ApiServer server;
  server.submit(3);
  auto const shown = server.get("/api/v1/server");
  CHECK(shown.at("version") == "1.2.3");
  CHECK(shown.at("host") == "node1");
  CHECK(shown.at("process") == 77);
  CHECK(shown.at("since") == 1000.5);
  CHECK(shown.at("listen") == json::array({server.port()}));
  CHECK(shown.at("damage") == json::array({"a page was torn"}));
  CHECK(shown.at("state") == "serving");
  CHECK(shown.at("problem").is_null());
  CHECK(shown.at("max_ranks") == 16);
  CHECK(shown.at("jobs") == 1);
  CHECK(shown.at("counts").at("waiting") == 3);
  CHECK(shown.at("taken_over") == 3);
  CHECK(shown.at("page") == "http://" + server.port() + "/?key=page");
  server.dispatcher.change([](auto& facts) {
    facts.problem = "no \"slots\"";
    facts.is_stopping = true;
  });
  CHECK(server.get("/api/v1/server").at("problem") == "no \"slots\"");
  CHECK(server.get("/api/v1/server").at("state") == "stopping");
}

TEST_CASE("the page's key is told on the Unix socket only") {
  ApiServer const server;
  http::Client port{server.port(), "secret"};
  auto const reply = port.request("GET", "/api/v1/server");
  CHECK(reply.status == 200);
  CHECK(json::parse(reply.body).at("page").is_null());
}

TEST_CASE("the server is stopped as it is told") {
  ApiServer server;
  CHECK(server.post("/api/v1/server/stop", R"({"mode":"faster"})", 400).at("error") ==
        R"(mode is neither "drain" nor "now")");
  server.post("/api/v1/server/stop", "[]", 400);
  CHECK(server.stopped == -1);
  CHECK(server.post("/api/v1/server/stop") == json::object());
  CHECK(eventually([&] { return server.stopped == static_cast<int>(Dispatcher::How::drain); }));
  server.post("/api/v1/server/stop", R"({"mode":"now"})");
  CHECK(eventually([&] { return server.stopped == static_cast<int>(Dispatcher::How::now); }));
}

TEST_CASE("groups and functions are listed") {
  ApiServer server;
  server.dispatcher.change([](auto& facts) {
    facts.groups = {{.group = 1, .ranks = 2, .state = GroupView::State::starting},
                    {.group = 2,
                     .ranks = 4,
                     .hosts = {"a", "b"},
                     .state = GroupView::State::running,
                     .tag = tag_of({7, 8}),
                     .attempt = 2,
                     .tasks = 5,
                     .taken_over = true}};
  });
  auto const groups = server.get("/api/v1/groups").at("groups");
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].at("state") == "starting");
  CHECK(groups[0].at("job").is_null());
  CHECK(groups[1].at("job") == 7);
  CHECK(groups[1].at("task") == 8);
  CHECK(groups[1].at("taken_over") == true);
  CHECK(server.get("/api/v1/functions").at("functions").is_array());
}

TEST_CASE("metrics are in Prometheus' text format") {
  ApiServer server;
  server.submit(3);
  server.submit(2, {{"hold", true}});
  server.dispatcher.change([](auto& facts) { facts.groups = {{.group = 1, .ranks = 2}}; });
  auto const reply = server.client().request("GET", "/metrics");
  CHECK(reply.status == 200);
  CHECK_THAT(reply.headers.at("content-type"), contains("text/plain; version=0.0.4"));
  std::map<std::string, double> values;
  std::set<std::string> types;
  std::istringstream lines{reply.body};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) continue;
    if (line.starts_with("# TYPE ")) {
      CHECK(types.insert(line.substr(7, line.rfind(' ') - 7)).second);
      continue;
    }
    auto const name = line.substr(0, line.find_first_of("{ "));
    CHECK(types.contains(name));
    values[line.substr(0, line.rfind(' '))] = std::stod(line.substr(line.rfind(' ') + 1));
  }
  CHECK(values.at(R"(farm_tasks{state="waiting"})") == 3);
  CHECK(values.at(R"(farm_tasks{state="held"})") == 2);
  CHECK(values.at(R"(farm_jobs{state="held"})") == 1);
  CHECK(values.at(R"(farm_groups{state="starting"})") == 1);
  CHECK(values.at(R"(farm_ranks{state="starting"})") == 2);
  CHECK(values.at("farm_store_writable") == 1);
  CHECK(values.at("process_start_time_seconds") == 1000.5);
  CHECK(values.at(R"(farm_task_ends_total{state="finished"})") == 0);
  CHECK(values.at("farm_task_seconds_total") == 0);
  CHECK(values.at("process_open_fds") > 2);
  CHECK(values.at("process_resident_memory_bytes") > 1e6);
}

TEST_CASE("what there is not is not found, and what cannot be done is refused") {
  ApiServer server;
  for (auto const* path : {"/", "/api", "/api/v1", "/api/v2/jobs", "/api/v1/jobs/", "/api/v1/jobs/x", "/api/v1/jobs/1/",
                           "/api/v1/jobs/1/nothing", "/api/v1//jobs", "/metrics/", "/api/v1/jobs/18446744073709551616"})
    CHECK_THAT(server.get(path, 404).at("error").get<std::string>(), contains("there is no"));
  auto client = server.client();
  auto const refused = client.request("DELETE", "/api/v1/jobs");
  CHECK(refused.status == 405);
  CHECK(refused.headers.at("allow") == "POST, GET, HEAD, OPTIONS");
  CHECK(client.request("GET", "/api/v1/jobs/1/cancel").headers.at("allow") == "POST, OPTIONS");
  auto const options = client.request("OPTIONS", "/api/v1/server");
  CHECK(options.status == 204);
  CHECK(options.headers.at("allow") == "GET, HEAD, OPTIONS");
  auto const head = client.request("HEAD", "/api/v1/server");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(client.request("HEAD", "/api/v1/jobs/9").status == 404);
}

TEST_CASE("the page may read, and press its buttons, and no more") {
  ApiServer server;
  server.submit(3);
  auto const ask = [&](std::string const& method, std::string const& path, std::string const& body = {}) {
    Peer peer{server.port()};
    peer.send(fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{}", method, path + "?key=page",
                          server.port(), body.size(), body));
    return peer.reply().status;
  };
  CHECK(ask("GET", "/api/v1/jobs/1") == 200);
  CHECK(ask("POST", "/api/v1/jobs/1/cancel", R"({"tasks":"0"})") == 200);
  CHECK(ask("POST", "/api/v1/jobs/1/retry") == 200);
  for (auto const* path : {"/api/v1/jobs", "/api/v1/jobs/1/forget", "/api/v1/jobs/1/priority", "/api/v1/server/stop"})
    CHECK(ask("POST", path) == 403);
  CHECK(server.stopped == -1);
}
