// What the HTTP server does with clients that are slow, or want too much.
#include "tests/service/http_server.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace farm::detail::http;

namespace {

/// Sends bytes, slowly, until the server has had enough. Returns what it then says.
RawReply dribble(Peer& peer, std::string const& beginning, std::string const& again) {
  peer.send(beginning);
  std::atomic<bool> has_answer = false;
  std::jthread sender{[&] {
    while (!has_answer && peer.send(again)) std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }};
  auto reply = peer.reply();
  has_answer = true;
  sender.join();
  return reply;
}

}  // namespace

TEST_CASE("A head that dribbles in is ended by the limit, on a new connection and on a used one") {
  ServerOptions options;
  options.head_limit = 0.2;
  TestServer const server{&TestServer::echo, options};
  Peer fresh{server.port()};
  auto reply = dribble(fresh, "GET / HTTP/1.1\r\nX-Long: ", "x");
  CHECK(reply.status == 408);
  CHECK_THAT(reply.body, contains("has not arrived within 0.2 s"));
  CHECK_FALSE(reply.keep_alive);
  CHECK(fresh.read().empty());
  Peer used{server.port()};
  REQUIRE(used.send(server.head("GET /")));
  CHECK(used.reply().status == 200);
  CHECK(dribble(used, "G", "E").status == 408);
}

TEST_CASE("A body that dribbles in is ended by the limit, with a length and in chunks") {
  ServerOptions options;
  options.head_limit = 0.1;  // is not for the body
  options.body_limit = 0.5;
  std::atomic<int> requests = 0;
  TestServer const server{[&](Request&& /*request*/, Answer const& answer) {
                            ++requests;
                            answer.send({});
                          },
                          options};
  Peer sized{server.port()};
  auto const reply = dribble(sized, server.head("POST /", "Content-Length: 1000000\r\n"), "x");
  CHECK(reply.status == 408);
  CHECK_THAT(reply.body, contains("the body of the request has not arrived within 0.5 s"));
  Peer chunked{server.port()};
  CHECK(dribble(chunked, server.head("POST /", "Transfer-Encoding: chunked\r\n"), "1\r\nx\r\n").status == 408);
  CHECK(requests == 0);
}

TEST_CASE("Idle connections are closed without a word") {
  ServerOptions options;
  options.idle_limit = 0.2;
  options.head_limit = 0.2;
  TestServer server{&TestServer::echo, options};
  Peer silent{server.port()};
  CHECK(silent.read().empty());
  Peer used{server.port()};
  REQUIRE(used.send(server.head("GET /")));
  CHECK(used.reply().status == 200);
  CHECK(used.read().empty());
  CHECK(server.get().connections() == 0);
}

TEST_CASE("A request that is being worked on has no limit") {
  ServerOptions options;
  options.idle_limit = options.head_limit = options.body_limit = 0.05;
  TestServer const server{[](Request&& /*request*/, Answer const& answer) {
                            std::thread{[answer] {
                              std::this_thread::sleep_for(std::chrono::milliseconds{300});
                              answer.send({.body = "done"});
                            }}.detach();
                          },
                          options};
  CHECK(server.client().request("GET", "/").body == "done");
}

TEST_CASE("A client that takes nothing of its answer is given up") {
  ServerOptions options;
  options.idle_limit = 0.3;
  TestServer server{[](Request&& /*request*/, Answer const& answer) {
                      answer.send({.body = std::string(std::size_t{64} << 20U, 'x')});
                    },
                    options};
  Peer const peer{server.port()};
  REQUIRE(peer.send(server.head("GET /")));
  REQUIRE(eventually([&] { return server.get().connections() == 1; }));
  CHECK(eventually([&] { return server.get().connections() == 0; }));
}

TEST_CASE("A head that is too large is refused, in one field and in many, at once and bit by bit") {
  ServerOptions options;
  options.largest_head = 4096;
  TestServer const server{&TestServer::echo, options};
  std::string fields;
  while (fields.size() < 3000) fields += "X-Field: value\r\n";
  Peer fitting{server.port()};
  REQUIRE(fitting.send(server.head("GET /", fields)));
  CHECK(fitting.reply().status == 200);
  std::string const long_field = "X-Field: " + std::string(5000, 'x') + "\r\n";
  std::string const long_target = "GET /" + std::string(5000, 'x');
  for (auto const& head : {server.head("GET /", fields + fields), server.head("GET /", long_field),
                           server.head(long_target), std::string(10000, 'G'), "GET /" + std::string(10000, 'x')}) {
    for (std::size_t const piece : {head.size(), std::size_t{700}}) {
      Peer peer{server.port()};
      for (std::size_t i = 0; i < head.size(); i += piece) peer.send(head.substr(i, piece));
      CHECK(peer.reply().status == 431);
      CHECK(peer.read().empty());
    }
  }
}

TEST_CASE("A body that is too large is refused, and the client reads why although it is still sending") {
  ServerOptions options;
  options.largest_body = 1000;
  TestServer const server{&TestServer::echo, options};
  for (bool const is_local : {true, false}) {
    auto client = server.client(is_local);
    CHECK(client.request("POST", "/", std::string(1000, 'x')).status == 200);
    auto const reply = client.request("POST", "/", std::string(std::size_t{8} << 20U, 'x'));
    CHECK(reply.status == 413);
    CHECK_THAT(reply.body, contains("more than 1000 bytes"));
    CHECK(client.request("POST", "/", "x").status == 200);
  }
  Peer chunked{server.port()};
  REQUIRE(chunked.send(server.head("POST /", "Transfer-Encoding: chunked\r\n") + "1f4\r\n" + std::string(500, 'x') +
                       "\r\n1f5\r\n"));
  CHECK(chunked.reply().status == 413);
  Peer huge{server.port()};
  REQUIRE(huge.send(server.head("POST /", "Transfer-Encoding: chunked\r\n") + "ffffffffffffffff\r\n"));
  CHECK(huge.reply().status == 413);
}

TEST_CASE("Of 600 connections 512 are served, and the others are told so at once") {
  TestServer server;
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 600; ++i) {
    peers.push_back(std::make_unique<Peer>(i % 2 == 0 ? server.port() : server.local()));
    REQUIRE(peers.back()->is_connected());
  }
  REQUIRE(eventually([&] { return server.get().connections() == 512; }));
  int served = 0;
  int refused = 0;
  for (auto const& peer : peers) {
    peer->send(server.head("GET /"));
    auto const reply = peer->reply();
    served += reply.status == 200 ? 1 : 0;
    refused += reply.status == 503 ? 1 : 0;
  }
  CHECK(served == 512);
  CHECK(refused == 88);
  CHECK(server.get().connections() == 512);
  peers.resize(100);
  REQUIRE(eventually([&] { return server.get().connections() == 100; }));
  CHECK(server.client().request("GET", "/").status == 200);
}

TEST_CASE("Many refused connections that nobody reads do not pile up") {
  ServerOptions options;
  options.most_connections = 1;
  TestServer server{&TestServer::echo, options};
  Peer first{server.port()};
  REQUIRE(eventually([&] { return server.get().connections() == 1; }));
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 500; ++i) peers.push_back(std::make_unique<Peer>(server.port()));
  REQUIRE(first.send(server.head("GET /")));
  CHECK(first.reply().status == 200);
  int told = 0;
  for (auto const& peer : peers) told += peer->reply().status == 503 ? 1 : 0;
  CHECK(told >= 128);
}
