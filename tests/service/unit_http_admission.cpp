// Who is let in at a port.
#include "tests/service/http_server.hpp"

#include "core/base/host_name.hpp"
#include "spawn/service/http/messages/admission.hpp"
#include "spawn/service/http/messages/refusal.hpp"

#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace farm::detail::http;

namespace {

using Fields = std::map<std::string, std::string>;

AdmissionRules const rules{"secret", "page", {"node1", "farm.example.org"}};

/// Returns the status; 200: it is let in, 201: and may change things.
int admission(Fields fields, std::string const& target = "/", AdmissionRules const& with = rules) {
  RequestHead head;
  head.headers = std::move(fields);
  auto parts = read_target(target);
  try {
    return admit(head, parts, with, 8080).may_change ? 201 : 200;
  } catch (Refusal const& refusal) {
    return refusal.status;
  }
}

int with_host(std::string const& host) { return admission({{"host", host}, {"authorization", "Bearer secret"}}); }

int with_origin(std::string const& host, std::string const& origin) {
  return admission({{"host", host}, {"origin", origin}, {"authorization", "Bearer secret"}});
}

}  // namespace

TEST_CASE("Host must be an address or a name of this machine") {
  for (auto const* host :
       {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "10.1.2.3:1",
        "[fe80::1]:1", "node1", "NODE1:8080", "farm.example.org", "node1.cluster.org:80"}) {
    CAPTURE(host);
    CHECK(with_host(host) == 201);
  }
  for (auto const* host : {"", "evil.org", "localhost.evil.org", "evil.org:8080", "node", "[::1", "[::1]x", "[::1]:x",
                           "[evil.org]", "localhost:", "localhost:80:80", "localhost:8o", "127.1", "2130706433",
                           "0x7f000001", "localhost.", "localhost, evil.org", "::1"}) {
    CAPTURE(host);
    CHECK(with_host(host) == 403);
  }
  CHECK(admission({{"authorization", "Bearer secret"}}) == 400);
  // A foreign page could have such a name, but not the token.
  CHECK(admission({{"host", "node1"}, {"cookie", "farm_key_8080=page"}}) == 200);
  CHECK(admission({{"host", "node1.evil.org"}, {"cookie", "farm_key_8080=page"}}) == 403);
  CHECK(admission({{"host", "node1.evil.org"}, {"authorization", "Bearer wrong"}}) == 403);
}

TEST_CASE("Origin must be that of the server") {
  CHECK(with_origin("localhost:8080", "http://localhost:8080") == 201);
  CHECK(with_origin("LOCALHOST:8080", "http://localhost:8080") == 201);
  CHECK(with_origin("node1", "https://node1") == 201);
  for (auto const* origin :
       {"null", "", "http://evil.org", "http://localhost", "http://localhost:8081", "http://localhost:8080.evil.org",
        "http://127.0.0.1:8080", "localhost:8080", "file://localhost:8080", "http://localhost:8080/"}) {
    CAPTURE(origin);
    CHECK(with_origin("localhost:8080", origin) == 403);
  }
}

TEST_CASE("The token must be right, and an empty one is nobody's") {
  auto const with = [](std::string const& value) {
    return admission({{"host", "localhost"}, {"authorization", value}});
  };
  CHECK(with("Bearer secret") == 201);
  CHECK(with("bearer  secret") == 201);
  for (auto const* value : {"", "Bearer", "Bearer ", "Bearer secre", "Bearer secret2", "Bearer SECRET", "Basic secret",
                            "secret", "Bearer secret "}) {
    CAPTURE(value);
    CHECK(with(value) == 401);
  }
  CHECK(admission({{"host", "localhost"}}) == 401);
  AdmissionRules const none{"", "", {}};
  CHECK(admission({{"host", "localhost"}, {"authorization", "Bearer "}}, "/", none) == 401);
  CHECK(admission({{"host", "localhost"}, {"authorization", "Bearer"}}, "/", none) == 401);
  CHECK(admission({{"host", "localhost"}, {"cookie", "farm_key_8080="}}, "/", none) == 401);
  CHECK(admission({{"host", "localhost"}}, "/?key=", none) == 401);
}

TEST_CASE("The page's key lets in, by the query or a cookie, but does not let change") {
  auto const cookie = [](std::string const& value) { return admission({{"host", "localhost"}, {"cookie", value}}); };
  CHECK(admission({{"host", "localhost"}}, "/?key=page") == 200);
  CHECK(admission({{"host", "localhost"}}, "/?key=pag") == 401);
  CHECK(admission({{"host", "evil.org"}}, "/?key=page") == 403);
  CHECK(cookie("farm_key_8080=page") == 200);
  CHECK(cookie("a=b; farm_key_8080=page; c=d") == 200);
  CHECK(cookie("farm_key_8081=page") == 401);
  CHECK(cookie("xfarm_key_8080=page") == 401);
  CHECK(cookie("farm_key_8080=wrong") == 401);
  CHECK(admission({{"host", "localhost"}, {"cookie", "farm_key_8080=page"}, {"authorization", "Bearer secret"}}) ==
        201);
  CHECK(admission({{"host", "localhost"}, {"cookie", "farm_key_8080=page"}, {"authorization", "Bearer no"}}) == 401);
  // The token is not in addresses, where others could read it.
  CHECK(admission({{"host", "localhost"}}, "/?key=secret") == 401);
}

TEST_CASE("The key is taken out of the query and put into a cookie that scripts cannot read") {
  RequestHead head;
  head.headers = {{"host", "localhost"}};
  auto target = read_target("/?a=1&key=page");
  CHECK(admit(head, target, rules, 8080).set_cookie == "farm_key_8080=page; HttpOnly; SameSite=Strict; Path=/");
  CHECK(target.query == std::map<std::string, std::string>{{"a", "1"}});
}

TEST_CASE("The port of a server lets in only who may come in, before it reads a body") {
  std::atomic<int> requests = 0;
  ServerOptions options;
  options.page_key = "page";
  TestServer const server{[&](Request&& request, Answer const& answer) {
                            ++requests;
                            answer.send({.body = request.may_change ? "all" : "page"});
                          },
                          options};
  auto const host = "Host: " + server.port() + "\r\n";
  std::string const token = "Authorization: Bearer secret\r\n";
  auto const ask = [&](std::string const& target, std::string const& fields) {
    Peer peer{server.port()};
    peer.send("POST " + target + " HTTP/1.1\r\n" + fields + "Content-Length: 100000000\r\n\r\n");
    auto reply = peer.reply();
    CHECK(peer.read().empty());
    return reply;
  };
  auto const refused = ask("/", host);
  CHECK(refused.status == 401);
  CHECK(refused.headers.at("www-authenticate") == "Bearer");
  CHECK(ask("/", host + "Authorization: Bearer wrong\r\n").status == 401);
  CHECK(ask("/", "Host: evil.org\r\n" + token).status == 403);
  CHECK(ask("/", token).status == 400);
  CHECK(ask("/", host + host + token).status == 400);
  CHECK(ask("/", host + token + token).status == 400);
  CHECK(ask("/", host + token + "Origin: http://evil.org\r\n").status == 403);
  CHECK(ask("/", host + token + "Origin: null\r\n").status == 403);
  CHECK(requests == 0);

  Peer page{server.port()};
  REQUIRE(page.send("GET /?key=page HTTP/1.1\r\n" + host + "\r\n"));
  auto const reply = page.reply();
  CHECK(reply.body == "page");
  CHECK(reply.headers.at("referrer-policy") == "no-referrer");
  auto const cookie = reply.headers.at("set-cookie").substr(0, reply.headers.at("set-cookie").find(';'));
  REQUIRE(
      page.send("GET / HTTP/1.1\r\n" + host + "Cookie: " + cookie + "\r\n\r\n" + "GET / HTTP/1.1\r\n" + host + "\r\n"));
  auto const again = page.reply();
  CHECK(again.body == "page");
  CHECK(again.headers.count("set-cookie") == 0);
  CHECK(page.reply().status == 401);  // each request is checked
  Peer named{server.port()};
  REQUIRE(named.send("GET / HTTP/1.1\r\nHost: " + farm::detail::host_name() + "\r\n" + token + "\r\n"));
  CHECK(named.reply().body == "all");
}
