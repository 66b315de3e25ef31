// The HTTP client, with servers that behave and servers that do not.
#include "tests/service/http_server.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <atomic>
#include <functional>
#include <string>
#include <thread>

using namespace farm::detail::http;
using Why = NoAnswer::Why;

namespace {

/// Listens at a Unix socket, and does to each connection what it is told.
class RawServer {
 public:
  explicit RawServer(std::function<void(int)> serve) : serve_(std::move(serve)) {
    UnixAddress const address{path()};
    REQUIRE(bind(socket_.get(), address.get(), UnixAddress::size()) == 0);
    REQUIRE(listen(socket_.get(), 10) == 0);
    thread_ = std::thread{[this] {
      for (;;) {
        farm::detail::Descriptor const connection{accept(socket_.get(), nullptr, nullptr)};
        if (!connection) return;
        ++connections;
        serve_(connection.get());
      }
    }};
  }
  RawServer(RawServer const&) = delete;
  RawServer& operator=(RawServer const&) = delete;
  ~RawServer() {
    shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] std::string path() const { return scratch_.path / "raw.sock"; }
  std::atomic<int> connections = 0;

 private:
  Scratch scratch_{"http-raw"};
  std::function<void(int)> serve_;
  farm::detail::Descriptor socket_{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::thread thread_;
};

/// Reads the head of a request; false: the client has gone.
bool read_request(int connection) {
  std::string text;
  char byte = 0;
  while (text.find("\r\n\r\n") == std::string::npos) {
    if (read(connection, &byte, 1) != 1) return false;
    text += byte;
  }
  return true;
}

void say(int connection, std::string_view text) {
  static_cast<void>(send(connection, text.data(), text.size(), MSG_NOSIGNAL));
}

/// Asks, and returns why there is no answer, and the text.
std::pair<Why, std::string> failure_of(Client& client, double limit = -1) {
  try {
    static_cast<void>(client.request("GET", "/", {}, {}, limit));
  } catch (NoAnswer const& failure) {
    return {failure.why, failure.what()};
  }
  FAIL("there is an answer");
  return {};
}

}  // namespace

TEST_CASE("Where nobody listens, the client says so") {
  Scratch const scratch{"http-nobody"};
  std::string const path = scratch.path / "server.sock";
  Client local{path};
  CHECK(failure_of(local) == std::pair{Why::nobody_listens, "no server listens at " + path});
  Client port{"127.0.0.1:1"};
  CHECK(failure_of(port) == std::pair{Why::nobody_listens, std::string{"no server listens at 127.0.0.1:1"}});
  Client lost{"no.such.host.invalid:80"};
  CHECK(failure_of(lost).first == Why::nobody_listens);
  CHECK_THAT(failure_of(lost).second, contains("cannot find the host of no.such.host.invalid:80"));
  Client above{path + "/server.sock"};
  CHECK(failure_of(above).first == Why::nobody_listens);
}

TEST_CASE("A client goes on when its server has been started again") {
  TestServer server;
  for (bool const is_local : {true, false}) {
    auto client = server.client(is_local);
    for (int i = 0; i < 3; ++i) {
      CHECK(client.request("POST", "/", "x").status == 200);
      server.stop();
      if (i == 1) CHECK(failure_of(client).first == Why::nobody_listens);
      server.start();
    }
    CHECK(client.request("GET", "/").status == 200);
  }
}

TEST_CASE("A client keeps its connection") {
  RawServer server{[](int connection) {
    while (read_request(connection)) say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }};
  {
    Client client{server.path()};
    for (int i = 0; i < 5; ++i) CHECK(client.request("GET", "/").body == "ok");
    CHECK(server.connections == 1);
    Client moved = std::move(client);
    CHECK(moved.request("GET", "/").body == "ok");
    CHECK(server.connections == 1);
  }
}

TEST_CASE("A client tries again, once, if a kept connection is closed instead of an answer") {
  std::atomic<int> requests = 0;
  RawServer server{[&](int connection) {
    while (read_request(connection)) {
      if (++requests % 2 == 0) return;  // closes at every other request
      say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  }};
  Client client{server.path()};
  for (int i = 0; i < 5; ++i) CHECK(client.request("GET", "/").body == "ok");
  CHECK(requests == 9);
  CHECK(server.connections == 5);
}

TEST_CASE("A client does not try again if the connection was new, or an answer had begun") {
  std::string answer;
  std::atomic<int> requests = 0;
  RawServer server{[&](int connection) {
    if (!read_request(connection)) return;
    ++requests;
    say(connection, answer);
  }};
  Client client{server.path()};
  CHECK(failure_of(client) == std::pair{Why::broken, "the server at " + server.path() + " closed the connection"});
  CHECK(requests == 1);
  for (auto const* part : {"HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"}) {
    answer = part;
    CHECK(failure_of(client).first == Why::broken);
    CHECK_THAT(failure_of(client).second, contains("closed the connection in the middle of its answer"));
  }
  CHECK(requests == 7);
  answer = "SSH-2.0-OpenSSH\r\n\r\n";
  CHECK_THAT(failure_of(client).second, contains("does not speak HTTP/1.1"));
}

TEST_CASE("A client waits for its limit and no longer") {
  TestServer const silent{[](Request&& /*request*/, Answer const& answer) {
    std::thread{[answer] {
      std::this_thread::sleep_for(std::chrono::milliseconds{600});
      answer.send({.body = "at last"});
    }}.detach();
  }};
  for (bool const is_local : {true, false}) {
    auto patient = silent.client(is_local);
    CHECK(failure_of(patient, 0.2) ==
          std::pair{Why::too_slow,
                    "the server at " + (is_local ? silent.local() : silent.port()) + " did not answer within 0.2 s"});
    CHECK(patient.request("GET", "/", {}, {}, 0).body == "at last");
  }
}

TEST_CASE("A server that accepts nothing any more is too slow") {
  Scratch const scratch{"http-full"};
  std::string const path = scratch.path / "full.sock";
  UnixAddress const address{path};
  farm::detail::Descriptor const listening{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(bind(listening.get(), address.get(), UnixAddress::size()) == 0);
  REQUIRE(listen(listening.get(), 0) == 0);
  Peer const first{path};
  Client client{path, {}, 0.2};
  CHECK(failure_of(client).first == Why::too_slow);
}

TEST_CASE("Replies of all kinds are taken") {
  std::string answer;
  RawServer server{[&](int connection) {
    if (read_request(connection)) say(connection, answer);
  }};
  Client client{server.path()};
  answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
  CHECK(client.request("GET", "/").status == 204);
  answer = "HTTP/1.0 200 OK\r\n\r\nuntil the end";
  CHECK(client.request("GET", "/").body == "until the end");
  answer = "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\nX-Next: 7\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  auto const reply = client.request("GET", "/");
  CHECK(reply.status == 500);
  CHECK(reply.body == "abcde");
  CHECK(reply.headers.at("x-next") == "7");
  answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
  CHECK(client.request("HEAD", "/").body.empty());
}

TEST_CASE("A client shows its token, and does not send what would be another request") {
  TestServer const server;
  Client client{server.port(), "secret"};
  CHECK(client.request("GET", "/").status == 200);
  Client wrong{server.port(), "wrong"};
  CHECK(wrong.request("GET", "/").status == 401);
  Client none{server.port()};
  CHECK(none.request("POST", "/", std::string(std::size_t{4} << 20U, 'x')).status == 401);
  CHECK_THROWS_AS(client.request("GET", "/ HTTP/1.1\r\nX: y\r\n\r\nGET /other"), std::invalid_argument);
  CHECK_THROWS_AS(client.request("GET", "/a b"), std::invalid_argument);
  CHECK_THROWS_WITH(Client("::1:80"), contains("'::1:80' is no address"));
}

TEST_CASE("Addresses are paths or hosts with ports") {
  for (auto const* path : {"/run/x.sock", "./x:80", "x.sock", "host:http", "host:123456", "host:"}) {
    CAPTURE(path);
    CHECK(is_path(path));
  }
  for (auto const* port : {"host:80", "127.0.0.1:0", "[::1]:65535", ":80", "*:80"}) {
    CAPTURE(port);
    CHECK_FALSE(is_path(port));
  }
  CHECK(split_address("[::1]:80").host == "::1");
  CHECK(split_address("*:80").host.empty());
  CHECK(split_address("host:80").port == "80");
  for (auto const* bad : {"host", "::1:80", "[::1:80", "host:65536", "a b:80", "[]:80"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(split_address(bad), std::invalid_argument);
  }
}
