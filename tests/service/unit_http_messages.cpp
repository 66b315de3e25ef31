// HTTP as text: targets, requests that are malformed, and events.
#include "spawn/service/http/messages/event_text.hpp"
#include "spawn/service/http/messages/percent.hpp"
#include "spawn/service/http/messages/refusal.hpp"
#include "spawn/service/http/messages/reply_parser.hpp"
#include "spawn/service/http/messages/request_parser.hpp"
#include "tests/service/http_server.hpp"

#include <map>
#include <random>
#include <string>
#include <vector>

using namespace farm::detail::http;

namespace {

int status_of_target(std::string const& text) {
  try {
    static_cast<void>(read_target(text));
    return 200;
  } catch (Refusal const& refusal) {
    return refusal.status;
  }
}

/// Gives the bytes to a parser, in pieces of this size. Returns the status of the refusal; 200: it is a request, 0: it
/// is not yet one.
int parse(std::string bytes, std::size_t piece, std::string* body = nullptr) {
  RequestParser parser{4096, 4096};
  std::string waiting;
  try {
    while (!parser.is_done()) {
      if (bytes.empty()) return 0;
      waiting += bytes.substr(0, piece);
      bytes.erase(0, piece);
      for (;;) {
        auto const count = parser.put(waiting);
        waiting.erase(0, count);
        if (count == 0 || parser.is_done()) break;
      }
    }
  } catch (Refusal const& refusal) {
    return refusal.status;
  }
  if (body != nullptr) *body = parser.body();
  return 200;
}

std::vector<std::string> events_in(std::string const& text, std::size_t piece) {
  std::vector<std::string> events;
  EventParser parser{"0"};
  for (std::size_t i = 0; i < text.size(); i += piece) {
    parser.put(std::string_view{text}.substr(i, piece), [&](auto const& id, auto const& event, auto const& data) {
      events.push_back(id + "|" + event + "|" + data);
      return true;
    });
  }
  return events;
}

}  // namespace

TEST_CASE("Targets are decoded strictly") {
  auto const target = read_target("/a%2Fb%c3%bc+c/?x=1+2%2b3&empty&=odd&&z=%26%3D?");
  CHECK(target.path == "/a/b\xc3\xbc+c/");
  CHECK(target.query == std::map<std::string, std::string>{{"x", "1 2+3"}, {"empty", ""}, {"", "odd"}, {"z", "&=?"}});
  CHECK(read_target("*").path == "*");
  for (auto const* text : {"", "a", "http://localhost/", "/%", "/%2", "/%2g", "/%g2", "/%%41", "/% 41", "/a%00b", "/?%",
                           "/?a=%0", "/?a=%00", "/?a=1&a=2", "/?a=1&%61=2", "/#x", "/?#x", "**", "*?a"}) {
    CAPTURE(text);
    CHECK(status_of_target(text) == 400);
  }
}

TEST_CASE("What is encoded is decoded to the same text") {
  std::string all;
  for (int i = 1; i < 256; ++i) all += static_cast<char>(i);
  auto const text = percent_encode(all);
  CHECK(read_target("/" + text).path == "/" + all);
  CHECK(read_target("/?" + text + "=" + text).query == std::map<std::string, std::string>{{all, all}});
  CHECK(percent_encode("a-Z_0.9~ /?&") == "a-Z_0.9~%20%2F%3F%26");
}

TEST_CASE("Malformed requests are refused, in whatever pieces they arrive") {
  std::map<std::string, int> const requests{
      {"GET / HTTP/1.1\r\n\r\n", 200},
      {"GET /\xc3\xbc HTTP/1.1\r\n\r\n", 200},
      {"GET / HTTP/1.1\r\nA: b", 0},
      {"GET  / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 400},
      {"GET / HTTP/0.9\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x01\xfc\x03\x03\r\n\r\n", 400},  // TLS
      {"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n: c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA : c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA: \x01\r\n\r\n", 400},
      {std::string{"GET / HTTP/1.1\r\nA: \0\r\n\r\n", 24}, 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nExpect: more\r\n\r\n", 417},
      // Requests that two readers could take for different ones.
      {"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 200},
      {"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 2, 3\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\na", 413},
      {"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nHost: x\r\n\r\n", 200},
  };
  for (auto const& [request, status] : requests) {
    for (std::size_t const piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
      CAPTURE(request, piece);
      CHECK(parse(request, piece) == status);
    }
  }
}

TEST_CASE("Lines that end without a carriage return make no request") {
  for (auto const* request : {"GET / HTTP/1.1\n\n", "GET / HTTP/1.1\nA: b\n\n", "GET / HTTP/1.1\r\nA: b\n\n"}) {
    for (std::size_t const piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
      CAPTURE(request, piece);
      CHECK(parse(request, piece) != 200);
    }
  }
}

TEST_CASE("Requests are the same in whatever pieces they arrive") {
  std::string const sized = "POST /x HTTP/1.1\r\nContent-Length: 11\r\n\r\nhello world";
  std::string const chunked =
      "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n \r\n5\r\nworld\r\n0\r\n\r\n";
  for (auto const& request : {sized, chunked}) {
    for (std::size_t piece = 1; piece <= request.size(); ++piece) {
      std::string body;
      CHECK(parse(request, piece, &body) == 200);
      CHECK(body == "hello world");
    }
  }
}

TEST_CASE("Random bytes are refused or waited for, and never more") {
  std::mt19937 random{20261127};
  std::vector<std::string> const words{"GET ",
                                       "POST ",
                                       "/",
                                       "*",
                                       "?",
                                       "=",
                                       "%",
                                       "%41",
                                       " HTTP/1.1",
                                       " HTTP/1.0",
                                       "\r\n",
                                       "\r",
                                       "\n",
                                       "\r\n\r\n",
                                       "Host: ",
                                       "Content-Length: ",
                                       "Transfer-Encoding: ",
                                       "chunked",
                                       "Expect: 100-continue",
                                       "Connection: ",
                                       "close",
                                       ",",
                                       ";",
                                       ":",
                                       "0",
                                       "5",
                                       "ffffffffffffffff",
                                       " ",
                                       "\t",
                                       std::string(1, '\0'),
                                       "\xff",
                                       "Cookie: ",
                                       "Upgrade: ",
                                       "Trailer: "};
  std::map<int, int> count;
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes;
    auto const parts = random() % 24;
    bool const has_line = random() % 2 == 0;
    if (has_line)
      bytes = random() % 2 == 0 ? "GET / HTTP/1.1\r\n" : "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t part = 0; part < parts; ++part) {
      bytes += random() % 8 == 0 ? std::string(1, static_cast<char>(random())) : words[random() % words.size()];
    }
    ++count[parse(bytes, 1 + random() % 40)];
    static_cast<void>(status_of_target(bytes));
  }
  int all = 0;
  for (auto const& [status, times] : count) {
    CAPTURE(status);
    CHECK((status == 0 || status == 200 || (status >= 400 && status < 500)));
    all += times;
  }
  CHECK(all == 100'000);
  CHECK(count[200] > 100);
  CHECK(count[400] > 10'000);
}

TEST_CASE("Connections that send garbage do not disturb others") {
  TestServer server;
  std::mt19937 random{7};
  auto client = server.client(false);
  for (int i = 0; i < 2000; ++i) {
    Peer const peer{i % 2 == 0 ? server.port() : server.local()};
    std::string bytes(random() % 300, '\0');
    for (char& each : bytes) each = static_cast<char>(random());
    if (random() % 2 == 0) bytes.insert(0, "POST / HTTP/1.1\r\n");
    peer.send(bytes);
    if (i % 100 == 0) CHECK(client.request("GET", "/").status == 200);
  }
  CHECK(eventually([&] { return server.get().connections() == 1; }));
}

TEST_CASE("Replies are read in whatever pieces they arrive, and interim ones are passed over") {
  std::string const interim = "HTTP/1.1 100 Continue\r\n\r\n";
  std::string const reply = interim + "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbody";
  for (std::size_t piece = 1; piece <= reply.size(); ++piece) {
    ReplyParser parser{false};
    std::string waiting;
    for (std::size_t i = 0; i < reply.size(); i += piece) {
      waiting += reply.substr(i, piece);
      waiting.erase(0, parser.put(waiting));
    }
    REQUIRE(parser.is_done());
    CHECK(parser.status() == 404);
    CHECK(parser.body() == "body");
    CHECK(parser.headers().at("x-a") == "b");
  }
  ReplyParser cut{false};
  cut.put("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbod");
  CHECK_THROWS(cut.put_end());
  ReplyParser to_end{false};
  to_end.put("HTTP/1.1 200 OK\r\n\r\nbod");
  to_end.put_end();
  CHECK(to_end.body() == "bod");
  CHECK_FALSE(to_end.keep_alive());
  ReplyParser none{false};
  CHECK_THROWS(none.put_end());
  ReplyParser other{false};
  CHECK_THROWS(other.put("SSH-2.0-OpenSSH_9.2\r\n"));
}

TEST_CASE("Events are found in text with any line ends, in whatever pieces it arrives") {
  std::string const text =
      "\xEF\xBB\xBF: comment\n\ndata: one\n\n"
      "id: 7\r\nevent: job\r\ndata: {\r\ndata:  two\r\ndata\r\n\r\n"
      "event: empty\n\nretry: 5\nid: 8\rdata:three\r\r"
      "id: bad" +
      std::string(1, '\0') + "\ndata: x\n\ndata: unfinished\n";
  std::vector<std::string> const events{"0|message|one", "7|job|{\n two\n", "8|message|three", "8|message|x"};
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    CHECK(events_in(text, piece) == events);
  }
}

TEST_CASE("Events that are written are read again") {
  auto const text = event_text("5", "job", "a\n\nb") + event_text("", "", "c") + event_text("6", "", "d\n");
  CHECK(events_in(text, 3) == std::vector<std::string>{"5|job|a\n\nb", "5|message|c", "6|message|d\n"});
}
