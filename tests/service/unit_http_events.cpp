// Streams of events.
#include "spawn/service/http/messages/event_text.hpp"
#include "spawn/service/http/messages/refusal.hpp"
#include "tests/service/http_server.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace farm::detail::http;

namespace {

/// Keeps the streams of its clients.
class Streams {
 public:
  void add(Answer const& answer, std::string last_event) {
    std::scoped_lock const lock{mutex_};
    streams_.push_back(answer.stream());
    last_events_.push_back(std::move(last_event));
  }
  /// Returns the newest one, as soon as there are so many.
  std::shared_ptr<EventStream> wait_for(std::size_t count) {
    REQUIRE(eventually([&] {
      std::scoped_lock const lock{mutex_};
      return streams_.size() >= count;
    }));
    std::scoped_lock const lock{mutex_};
    return streams_.at(count - 1);
  }
  std::string last_event(std::size_t index) {
    std::scoped_lock const lock{mutex_};
    return last_events_.at(index);
  }
  void clear() {
    std::scoped_lock const lock{mutex_};
    streams_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<EventStream>> streams_;
  std::vector<std::string> last_events_;
};

class EventServer {
 public:
  explicit EventServer(ServerOptions options = {})
      : server(
            [this](Request&& request, Answer const& answer) {
              if (request.path != "/events") throw Refusal(404, "there are no such events");
              auto const last = request.headers.find("last-event-id");
              streams.add(answer, last == request.headers.end() ? "" : last->second);
            },
            std::move(options)) {}
  Streams streams;
  TestServer server;
};

}  // namespace

TEST_CASE("Events arrive in their order until the stream is closed") {
  EventServer farm;
  for (bool const is_local : {true, false}) {
    std::vector<std::string> events;
    std::jthread sender{[&] {
      auto const stream = farm.streams.wait_for(is_local ? 1 : 2);
      for (int i = 0; i < 1000; ++i)
        CHECK(stream->send(event_text(std::to_string(i), "job", "data\nof " + std::to_string(i))));
      stream->close();
      CHECK_FALSE(stream->send("late"));
    }};
    farm.server.client(is_local).events("/events", "41", [&](auto const& id, auto const& event, auto const& data) {
      CHECK(event == "job");
      CHECK(data == "data\nof " + id);
      events.push_back(id);
      return true;
    });
    sender.join();
    CHECK(events.size() == 1000);
    CHECK(farm.streams.last_event(is_local ? 0 : 1) == "41");
  }
  CHECK(eventually([&] { return farm.server.get().connections() == 0; }));
}

TEST_CASE("The head of a stream arrives before the first event") {
  EventServer farm;
  Peer peer{farm.server.local()};
  REQUIRE(peer.send("GET /events HTTP/1.1\r\n\r\n"));
  CHECK(peer.read_until("Content-Type: text/event-stream\r\n"));
  CHECK(peer.read_until("\r\n\r\n"));
  Peer old{farm.server.local()};
  REQUIRE(old.send("GET /events HTTP/1.0\r\n\r\n"));
  auto const stream = farm.streams.wait_for(2);
  CHECK(stream->send("data: 1\n\n"));
  stream->close();
  auto const text = old.read();
  CHECK(text.substr(text.find("\r\n\r\n")) == "\r\n\r\ndata: 1\n\n");
  Peer head{farm.server.local()};
  REQUIRE(head.send("HEAD /events HTTP/1.1\r\n\r\n"));
  CHECK(head.reply(true).status == 200);
  CHECK(head.read().empty());
}

TEST_CASE("A client goes on after a reconnect where it broke off") {
  EventServer farm;
  std::vector<std::string> seen;
  auto client = farm.server.client();
  std::jthread sender{[&] {
    auto const first = farm.streams.wait_for(1);
    for (int i = 0; i < 10; ++i) first->send(event_text(std::to_string(i), "", "x"));
    auto const second = farm.streams.wait_for(2);
    for (int i = 1 + std::stoi(farm.streams.last_event(1)); i < 10; ++i)
      second->send(event_text(std::to_string(i), "", "x"));
    second->close();
  }};
  client.events("/events", "", [&](auto const& id, auto const&, auto const&) {
    seen.push_back(id);
    return seen.size() < 5;
  });
  client.events("/events", seen.back(), [&](auto const& id, auto const&, auto const&) {
    seen.push_back(id);
    return true;
  });
  sender.join();
  CHECK(seen == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
}

TEST_CASE("A stream ends when the application drops it") {
  EventServer farm;
  std::jthread sender{[&] {
    farm.streams.wait_for(1)->send("data: last\n\n");
    farm.streams.clear();
  }};
  int events = 0;
  farm.server.client().events("/events", "", [&](auto const&, auto const&, auto const&) { return ++events > 0; });
  sender.join();
  CHECK(events == 1);
}

TEST_CASE("A stream whose client has gone says so") {
  EventServer farm;
  std::shared_ptr<EventStream> stream;
  {
    Peer const peer{farm.server.port()};
    REQUIRE(peer.send(farm.server.head("GET /events")));
    stream = farm.streams.wait_for(1);
    CHECK(stream->send("data: 1\n\n"));
  }
  CHECK(eventually([&] { return !stream->send("data: 2\n\n"); }));
  CHECK(eventually([&] { return farm.server.get().connections() == 0; }));
}

TEST_CASE("A reader that lets too much wait loses its connection, and others do not") {
  EventServer farm;
  Peer const slow{farm.server.port()};
  REQUIRE(slow.send(farm.server.head("GET /events")));
  auto const stream = farm.streams.wait_for(1);
  Peer quick{farm.server.port()};
  REQUIRE(quick.send(farm.server.head("GET /events")));
  auto const other = farm.streams.wait_for(2);
  REQUIRE(quick.read_until("\r\n\r\n"));
  std::string const text = event_text("", "", std::string(100'000, 'x'));
  std::size_t taken = 0;
  while (stream->send(text)) {
    taken += text.size();
    REQUIRE(taken < (std::size_t{64} << 20U));
    REQUIRE(other->send(text));
    REQUIRE(quick.read_until("x\n\n\r\n"));
    static_cast<void>(quick.read(0));
  }
  CHECK(taken > (std::size_t{4} << 20U));
  CHECK(eventually([&] { return farm.server.get().connections() == 1; }));
  CHECK(other->send("data: still here\n\n"));
  CHECK(quick.read_until("still here"));
}

TEST_CASE("One event larger than what may wait arrives whole") {
  EventServer farm;
  std::string const data(std::size_t{16} << 20U, 'x');
  std::jthread sender{[&] {
    auto const stream = farm.streams.wait_for(1);
    CHECK(stream->send(event_text("1", "", data)));
    stream->close();
  }};
  bool is_whole = false;
  farm.server.client(false).events("/events", "", [&](auto const&, auto const&, auto const& got) {
    is_whole = got == data;
    return true;
  });
  sender.join();
  CHECK(is_whole);
}

TEST_CASE("A stream that is silent sends comments") {
  ServerOptions options;
  options.heartbeat = 0.05;
  EventServer farm{options};
  Peer peer{farm.server.local()};
  REQUIRE(peer.send("GET /events HTTP/1.1\r\n\r\n"));
  CHECK(peer.read_until(": \n\n\r\n4\r\n: \n\n\r\n"));
  // Clients pass over them, but know by them that the server is there.
  std::jthread sender{[&] {
    auto const stream = farm.streams.wait_for(2);
    std::this_thread::sleep_for(std::chrono::milliseconds{700});
    stream->send("data: 1\n\n");
    stream->close();
  }};
  int events = 0;
  farm.server.client().events(
      "/events", "", [&](auto const&, auto const&, auto const&) { return ++events > 0; }, 0.5);
  sender.join();
  CHECK(events == 1);
}

TEST_CASE("A client whose stream breaks, falls silent or is refused says so") {
  EventServer farm;
  auto client = farm.server.client();
  auto const nothing = [](auto const&, auto const&, auto const&) { return true; };
  CHECK_THROWS_WITH(client.events("/other", "", nothing), contains("there are no such events"));
  CHECK_THROWS_WITH(client.events("/events", "", nothing, 0.2), contains("did not answer within 0.2 s"));
  std::jthread stopper{[&] {
    farm.streams.wait_for(2);
    farm.server.stop();
  }};
  try {
    client.events("/events", "", nothing);
    FAIL("the stream seems to have ended");
  } catch (NoAnswer const& failure) {
    CHECK(failure.why == NoAnswer::Why::broken);
    CHECK_THAT(failure.what(), contains("closed the connection"));
  }
  stopper.join();
  CHECK_THROWS_WITH(client.events("/events", "", nothing), contains("no server listens at"));
}

TEST_CASE("Many threads send to many streams") {
  EventServer farm;
  constexpr std::size_t clients = 20;
  std::vector<std::thread> threads;
  std::atomic<int> received = 0;
  for (std::size_t i = 0; i < clients; ++i) {
    threads.emplace_back([&] {
      farm.server.client(false).events("/events", "",
                                       [&](auto const&, auto const&, auto const&) { return ++received > 0; });
    });
  }
  farm.streams.wait_for(clients);
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i) {
    senders.emplace_back([&] {
      for (int k = 0; k < 100; ++k) {
        for (std::size_t client = 1; client <= clients; ++client) farm.streams.wait_for(client)->send("data: x\n\n");
      }
    });
  }
  for (auto& each : senders) each.join();
  farm.streams.clear();
  for (auto& each : threads) each.join();
  CHECK(received == 4 * 100 * static_cast<int>(clients));
}
