// The HTTP server, over real sockets.
#include "spawn/service/http/messages/refusal.hpp"
#include "tests/service/http_server.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>
#include <vector>

using namespace farm::detail::http;
namespace fs = std::filesystem;

TEST_CASE("A request is answered, on the Unix socket and on a port") {
  TestServer const server;
  for (bool const is_local : {true, false}) {
    auto client = server.client(is_local);
    auto const reply = client.request("POST", "/a%20b/c?x=1&y=a%26b", "body");
    CHECK(reply.status == 200);
    CHECK(reply.body == "POST /a b/c\nx=1\ny=a&b\nbody");
    CHECK(reply.headers.at("content-type") == "text/plain");
    CHECK(reply.headers.at("x-content-type-options") == "nosniff");
    CHECK(reply.headers.at("cache-control") == "no-store");
    CHECK_THAT(reply.headers.at("date"), contains(" GMT"));
  }
}

TEST_CASE("The handler is told how the request came, and its fields") {
  std::mutex mutex;
  std::vector<Request> requests;
  TestServer const server{[&](Request&& request, Answer const& answer) {
    std::scoped_lock const lock{mutex};
    requests.push_back(std::move(request));
    answer.send({});
  }};
  static_cast<void>(server.client(true).request("GET", "/"));
  Peer peer{server.port()};
  REQUIRE(peer.send(server.head("PUT /x", "X-One: 1\r\nx-one: 2\r\nCookie: a=1\r\nCookie: b=2\r\n")));
  CHECK(peer.reply().status == 200);
  std::scoped_lock const lock{mutex};
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].is_local);
  CHECK(requests[0].may_change);
  CHECK_FALSE(requests[1].is_local);
  CHECK(requests[1].may_change);
  CHECK(requests[1].method == "PUT");
  CHECK(requests[1].headers.at("x-one") == "1, 2");
  CHECK(requests[1].headers.at("cookie") == "a=1; b=2");
}

TEST_CASE("A connection serves one request after the other, also if they come at once") {
  TestServer const server;
  Peer peer{server.port()};
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += server.head("POST /" + std::to_string(i), "Content-Length: 2\r\n") + "ab" + (i % 3 == 0 ? "\r\n" : "");
  REQUIRE(peer.send(all));
  for (int i = 0; i < 100; ++i) {
    auto const reply = peer.reply();
    CHECK(reply.body == "POST /" + std::to_string(i) + "\nab");
    CHECK(reply.keep_alive);
  }
}

TEST_CASE("Requests that come ahead wait for answers that come late") {
  std::mutex mutex;
  std::vector<Answer> answers;
  TestServer const server{[&](Request&& /*request*/, Answer const& answer) {
    std::scoped_lock const lock{mutex};
    answers.push_back(answer);
  }};
  auto const waiting = [&] {
    std::scoped_lock const lock{mutex};
    return answers.size();
  };
  Peer peer{server.port()};
  std::jthread sender{[&] {  // more than the server takes ahead
    for (int i = 0; i < 200; ++i) peer.send(server.head("GET /", "X-Filler: " + std::string(3000, 'x') + "\r\n"));
  }};
  for (std::size_t i = 0; i < 200; ++i) {
    REQUIRE(eventually([&] { return waiting() == i + 1; }));
    std::optional<Answer> answer;
    {
      std::scoped_lock const lock{mutex};
      answer = answers.back();
    }
    answer->send({.body = std::to_string(i)});
    CHECK(peer.reply().body == std::to_string(i));
  }
  sender.join();
}

TEST_CASE("HEAD has the head of GET and no body, and OPTIONS of everything names the methods") {
  TestServer const server;
  Peer peer{server.port()};
  REQUIRE(peer.send(server.head("HEAD /x") + server.head("OPTIONS *") + server.head("GET /x")));
  auto const head = peer.reply(true);
  CHECK(head.status == 200);
  CHECK(head.headers.at("content-length") == "8");
  CHECK(head.body.empty());
  auto const options = peer.reply();
  CHECK(options.status == 204);
  CHECK_THAT(options.headers.at("allow"), contains("POST"));
  CHECK(options.headers.count("content-length") == 0);
  CHECK(peer.reply().body == "GET /x\n");
}

TEST_CASE("A connection ends after a request that asks for it, and with HTTP/1.0") {
  TestServer const server;
  Peer closing{server.port()};
  REQUIRE(closing.send(server.head("GET /", "Connection: close\r\n")));
  CHECK_FALSE(closing.reply().keep_alive);
  CHECK(closing.read().empty());
  Peer old{server.local()};
  REQUIRE(old.send("GET /old HTTP/1.0\r\n\r\n"));
  CHECK(old.reply().body == "GET /old\n");
  CHECK(old.read().empty());
  Peer kept{server.local()};
  for (int i = 0; i < 2; ++i) {
    REQUIRE(kept.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    CHECK(kept.reply().keep_alive);
  }
}

TEST_CASE("What the handler throws is answered") {
  TestServer const server{[](Request&& request, Answer const& answer) {
    if (request.path == "/refused") throw Refusal(409, "no \"such\" \xff thing", "thing");
    if (request.path == "/number") throw 5;  // NOLINT
    if (request.path == "/after") answer.send({.body = "answered"});
    throw std::runtime_error("it broke");
  }};
  auto client = server.client();
  auto const broken = client.request("GET", "/");
  CHECK(broken.status == 500);
  CHECK(broken.body == R"({"error":"it broke","nearest":null})");
  CHECK(client.request("GET", "/number").status == 500);
  auto const refused = client.request("GET", "/refused");
  CHECK(refused.status == 409);
  CHECK_THAT(refused.body, contains(R"("nearest":"thing")"));
  CHECK(error_in(refused.body) == "no \"such\" \xEF\xBF\xBD thing");
  CHECK(client.request("GET", "/after").body == "answered");
}

TEST_CASE("A request that nobody answers is answered by 500, and only the first answer counts") {
  TestServer const server{[](Request&& request, Answer const& answer) {
    if (request.path != "/twice") return;
    answer.send({.body = "first"});
    answer.send({.body = "second"});
  }};
  auto client = server.client();
  CHECK(client.request("GET", "/").status == 500);
  CHECK(client.request("GET", "/twice").body == "first");
  CHECK(client.request("GET", "/").status == 500);
}

TEST_CASE("Answers may come from any thread, and after the server or the client has gone") {
  std::mutex mutex;
  std::vector<Answer> answers;
  TestServer server{[&](Request&& request, Answer const& answer) {
    if (request.path == "/thread") return std::thread{[answer] { answer.send({.body = "from a thread"}); }}.detach();
    std::scoped_lock const lock{mutex};
    answers.push_back(answer);
  }};
  CHECK(server.client().request("GET", "/thread").body == "from a thread");
  auto const waiting = [&] {
    std::scoped_lock const lock{mutex};
    return answers.size();
  };
  Peer stays{server.local()};
  {
    Peer const goes{server.local()};
    REQUIRE(stays.send("GET /wait HTTP/1.1\r\n\r\n"));
    REQUIRE(goes.send("GET /wait HTTP/1.1\r\n\r\n"));
    REQUIRE(eventually([&] { return waiting() == 2; }));
  }
  REQUIRE(eventually([&] { return server.get().connections() == 1; }));
  server.stop();
  CHECK(stays.read().empty());
  answers[0].send({.body = "late"});
  CHECK_FALSE(answers[1].stream()->send("late"));
  answers.clear();
}

TEST_CASE("Large bodies arrive whole, with a length and in chunks") {
  TestServer const server;
  auto client = server.client(false);
  std::string body(std::size_t{64} << 20U, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7919 >> 5U);
  auto const reply = client.request("POST", "/", body);
  CHECK(reply.status == 200);
  CHECK((reply.body == "POST /\n" + body));

  Peer peer{server.port()};
  REQUIRE(peer.send(server.head("POST /", "Transfer-Encoding: chunked\r\n")));
  std::string all;
  for (std::size_t i = 0; i < 300; ++i) {
    auto const part = body.substr(i * 1000, 1 + i * 17);
    all += part;
    std::ostringstream size;
    size << std::hex << part.size();
    REQUIRE(peer.send(size.str() + (i % 2 == 0 ? "" : ";name=value") + "\r\n" + part + "\r\n"));
  }
  REQUIRE(peer.send("0\r\nAuthorization: Bearer other\r\n\r\n"));
  CHECK((peer.reply().body == "POST /\n" + all));
}

TEST_CASE("A client that asks whether to go on is told so, or why not") {
  ServerOptions options;
  options.largest_body = 1000;
  TestServer const server{&TestServer::echo, options};
  Peer peer{server.port()};
  REQUIRE(peer.send(server.head("POST /", "Content-Length: 5\r\nExpect: 100-continue\r\n")));
  REQUIRE(peer.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
  REQUIRE(peer.send("12345"));
  CHECK(peer.reply().body == "POST /\n12345");
  REQUIRE(peer.send(server.head("POST /", "Content-Length: 5000\r\nExpect: 100-continue\r\n")));
  CHECK(peer.reply().status == 413);
  Peer stranger{server.port()};
  REQUIRE(stranger.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
  CHECK(stranger.reply().status == 401);
}

TEST_CASE("A request that is cut off is none") {
  std::atomic<int> requests = 0;
  TestServer server{[&](Request&& /*request*/, Answer const& answer) {
    ++requests;
    answer.send({});
  }};
  for (std::string const& cut : {std::string{"POST / HTTP/1.1\r\nContent-Le"},
                                 std::string{"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n123456789"},
                                 std::string{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"},
                                 std::string{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"}}) {
    Peer peer{server.local()};
    REQUIRE(peer.send(cut));
    peer.end_output();
    CHECK(peer.reply().status == 400);
    CHECK(Peer{server.local()}.send(cut));  // gone altogether
  }
  REQUIRE(eventually([&] { return server.get().connections() == 0; }));
  CHECK(requests == 0);
}

TEST_CASE("The Unix socket is the user's alone, and goes with the server") {
  TestServer server;
  struct stat found {};
  REQUIRE(stat(server.local().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  server.stop();
  CHECK_FALSE(fs::exists(server.local()));
}

TEST_CASE("Other users are refused at the Unix socket, even if its mode lets them in") {
  if (geteuid() != 0) {
    fmt::print("skipped: peers of other users: only root can be another user\n");
    return;
  }
  TestServer const server;
  auto const directory = fs::path{server.local()}.parent_path();
  chmod(directory.c_str(), 0755);
  chmod(server.local().c_str(), 0777);
  pid_t const other = fork();
  if (other == 0) {
    if (chdir(directory.c_str()) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
    Peer peer{"./server.sock"};
    _exit(peer.is_connected() && peer.reply().status == 403 && peer.read().empty() ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(other, &status, 0) == other);
  CHECK(status == 0);
}

TEST_CASE("A socket that a dead server has left is replaced; that of a living one, or another file, is not") {
  Scratch const scratch{"http-stale"};
  ServerOptions options;
  options.socket = scratch.path / "server.sock";
  pid_t const dying = fork();
  if (dying == 0) {
    Server const server{options, &TestServer::echo};
    _exit(0);  // without destructors, as if killed
  }
  waitpid(dying, nullptr, 0);
  REQUIRE(fs::exists(options.socket));
  {
    Server const server{options, &TestServer::echo};
    CHECK(Client{options.socket}.request("GET", "/").status == 200);
    CHECK_THROWS_WITH(Server(options, &TestServer::echo), contains(options.socket));
    CHECK(Client{options.socket}.request("GET", "/").status == 200);
  }
  std::ofstream{options.socket} << "precious";
  CHECK_THROWS_AS(Server(options, &TestServer::echo), std::system_error);
  CHECK(fs::file_size(options.socket) == 8);
}

TEST_CASE("A server leaves the socket of its successor alone") {
  Scratch const scratch{"http-successor"};
  ServerOptions options;
  options.socket = scratch.path / "server.sock";
  auto first = std::make_unique<Server>(options, &TestServer::echo);
  fs::remove(options.socket);
  Server const second{options, &TestServer::echo};
  first.reset();
  CHECK(Client{options.socket}.request("GET", "/").status == 200);
}

TEST_CASE("Paths longer than the kernel takes serve as well") {
  Scratch const scratch{"http-long"};
  auto const directory = scratch.path / std::string(100, 'a') / std::string(100, 'b');
  fs::create_directories(directory);
  ServerOptions options;
  options.socket = directory / "server.sock";
  {
    Server const server{options, &TestServer::echo};
    CHECK(Client{options.socket}.request("GET", "/long").body == "GET /long\n");
  }
  CHECK_FALSE(fs::exists(options.socket));
  CHECK_THROWS_WITH(Client{options.socket}.request("GET", "/"), "no server listens at " + options.socket);
}

TEST_CASE("An address that cannot be listened at is named") {
  TestServer const server;
  ServerOptions options;
  options.listen = {server.port()};
  CHECK_THROWS_WITH(Server(options, &TestServer::echo), contains("cannot listen at " + server.port()));
  options.listen = {"no.such.host.invalid:80"};
  CHECK_THROWS_WITH(Server(options, &TestServer::echo), contains("no.such.host.invalid:80"));
  options.listen = {"localhost"};
  CHECK_THROWS_WITH(Server(options, &TestServer::echo), contains("HOST:PORT"));
}

TEST_CASE("A server listens at all addresses of a name, at the same port") {
  ServerOptions options;
  options.listen = {"localhost:0"};
  options.token = "secret";
  Server const server{options, &TestServer::echo};
  auto const addresses = server.addresses();
  REQUIRE_FALSE(addresses.empty());
  for (auto const& address : addresses) {
    CHECK(address.substr(address.rfind(':')) == addresses[0].substr(addresses[0].rfind(':')));
    CHECK(Client(address, "secret").request("GET", "/").status == 200);
  }
}

TEST_CASE("Functions that are posted run on the server's thread") {
  std::promise<std::thread::id> handled;
  TestServer server{[&](Request&& /*request*/, Answer const& answer) {
    answer.send({});
    handled.set_value(std::this_thread::get_id());
  }};
  static_cast<void>(server.client().request("GET", "/"));
  std::promise<std::thread::id> posted;
  server.get().post([&] { posted.set_value(std::this_thread::get_id()); });
  auto const thread = posted.get_future().get();
  CHECK(thread == handled.get_future().get());
  CHECK(thread != std::this_thread::get_id());
}

TEST_CASE("Fields of a response cannot end its head") {
  TestServer const server{[](Request&& /*request*/, Answer const& answer) {
    answer.send({.type = "text/plain\r\nX-Type: 1",
                 .body = "body",
                 .headers = {{"X-Next", "1\r\nX-Evil: 2\r\n\r\n"}, {"Cache-Control", "max-age=60"}}});
  }};
  auto const reply = server.client().request("GET", "/");
  CHECK(reply.body == "body");
  CHECK(reply.headers.count("x-evil") + reply.headers.count("x-type") == 0);
  CHECK(reply.headers.at("cache-control") == "max-age=60");
}
