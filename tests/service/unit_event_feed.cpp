// What listeners are told, and that they miss nothing.
#include "spawn/service/api/event_feed.hpp"
#include "tests/service/api_server.hpp"

#include <algorithm>
#include <thread>

using namespace farm::detail;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// A stream that keeps what it is sent.
class KeptStream final : public http::EventStream {
 public:
  bool send(std::string_view text) override {
    std::scoped_lock const lock{mutex_};
    text_ += text;
    return !is_gone;
  }
  void close() override { is_gone = true; }
  [[nodiscard]] std::string text() const {
    std::scoped_lock const lock{mutex_};
    return text_;
  }
  [[nodiscard]] bool has(std::string const& part) const { return text().find(part) != std::string::npos; }
  /// Returns the id that came last.
  [[nodiscard]] std::string last_id() const {
    auto const all = text();
    auto const begin = all.rfind("id: ") + 4;
    return all.substr(begin, all.find('\n', begin) - begin);
  }
  std::atomic<bool> is_gone = false;

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// Counts how often it was asked.
struct FakeSources {
  std::atomic<int> looks = 0;
  std::mutex mutex;
  std::vector<GroupView> groups;
  std::string rate = "1";
  bool breaks = false;
  EventFeed::Sources sources() {
    return {.job =
                [this](std::uint64_t job) {
                  std::scoped_lock const lock{mutex};
                  if (breaks) throw std::runtime_error("no memory");
                  return job == 9 ? std::string{} : fmt::format(R"({{"job":{}}})", job);
                },
            .groups =
                [this] {
                  ++looks;
                  std::scoped_lock const lock{mutex};
                  return groups;
                },
            .server =
                [this] {
                  std::scoped_lock const lock{mutex};
                  return JsonMembers{{"rate", rate}, {"state", R"("serving")"}};
                }};
  }
};

EventFeed::Options quick(std::chrono::seconds linger = 60s) { return {.pause = 5ms, .linger = linger}; }

}  // namespace

TEST_CASE("listeners are told of jobs, tasks, groups and the server") {
  FakeSources sources;
  sources.groups = {{.group = 1, .ranks = 2}};
  EventFeed feed{sources.sources(), quick()};
  auto const stream = std::make_shared<KeptStream>();
  feed.add(stream, {}, {});
  CHECK(eventually([&] { return stream->has(R"(data: {"rate":1,"state":"serving"})"); }));
  CHECK(eventually([&] { return stream->has(R"("group":1,"ranks":2)"); }));
  feed.listener()->job_changed(5);
  CHECK(eventually([&] { return stream->has("event: job\ndata: {\"job\":5}\n\n"); }));
  feed.listener()->job_changed(9);
  CHECK(eventually([&] { return stream->has(R"(data: {"job":9,"state":"forgotten"})"); }));
  feed.listener()->tasks_ended(5, {{0, TaskState::finished}, {7, TaskState::failed}});
  CHECK(eventually(
      [&] { return stream->has("event: tasks\ndata: {\"job\":5,\"ended\":[[0,\"finished\"],[7,\"failed\"]]}\n\n"); }));
  {
    std::scoped_lock const lock{sources.mutex};
    sources.groups = {{.group = 2, .ranks = 1, .state = GroupView::State::idle}};
    sources.rate = "2";
  }
  CHECK(eventually([&] { return stream->has(R"("gone":[1])"); }));
  CHECK(eventually([&] { return stream->has("data: {\"rate\":2}\n"); }));
}

TEST_CASE("what has not changed is not told again") {
  FakeSources sources;
  sources.groups = {{.group = 1, .ranks = 2}};
  EventFeed feed{sources.sources(), quick()};
  auto const stream = std::make_shared<KeptStream>();
  feed.add(stream, {}, {});
  CHECK(eventually([&] { return sources.looks > 20; }));
  auto const text = stream->text();
  CHECK(text.find("event: groups") == text.rfind("event: groups"));
  CHECK(text.find("event: server") == text.rfind("event: server"));
}

TEST_CASE("who listens to one job is told of no other") {
  FakeSources sources;
  EventFeed feed{sources.sources(), quick()};
  auto const one = std::make_shared<KeptStream>();
  auto const all = std::make_shared<KeptStream>();
  feed.add(one, {}, 2);
  feed.add(all, {}, {});
  for (std::uint64_t const job : {1, 2, 3}) {
    feed.listener()->job_changed(job);
    feed.listener()->tasks_ended(job, {{0, TaskState::finished}});
  }
  CHECK(eventually([&] { return all->has(R"(data: {"job":3})"); }));
  CHECK(eventually([&] { return one->has(R"(data: {"job":2})"); }));
  CHECK(one->has(R"({"job":2,"ended")"));
  CHECK_FALSE(one->has(R"("job":1)"));
  CHECK_FALSE(one->has(R"("job":3)"));
  CHECK_FALSE(one->has("event: server"));
}

TEST_CASE("who reconnects is sent what it has missed, once and in order") {
  FakeSources sources;
  EventFeed feed{sources.sources(), quick()};
  auto const first = std::make_shared<KeptStream>();
  feed.add(first, {}, {});
  feed.listener()->tasks_ended(1, {{0, TaskState::finished}});
  REQUIRE(eventually([&] { return first->has("[0,"); }));
  auto const last = first->last_id();
  first->close();
  feed.listener()->tasks_ended(1, {{1, TaskState::finished}});
  auto const witness = std::make_shared<KeptStream>();
  feed.add(witness, {}, {});
  feed.listener()->tasks_ended(1, {{2, TaskState::finished}});
  REQUIRE(eventually([&] { return witness->has("[2,"); }));
  auto const second = std::make_shared<KeptStream>();
  feed.add(second, last, {});
  feed.listener()->tasks_ended(1, {{3, TaskState::finished}});
  REQUIRE(eventually([&] { return second->has("[3,"); }));
  auto const text = second->text();
  CHECK(text.find("reset") == std::string::npos);
  CHECK(text.find("[0,") == std::string::npos);
  CHECK(text.find("[1,") == text.rfind("[1,"));
  CHECK(text.find("[1,") < text.find("[2,"));
  CHECK(text.find("[2,") < text.find("[3,"));
}

TEST_CASE("who was told nothing yet can go on, too") {
  FakeSources sources;
  EventFeed feed{sources.sources(), quick()};
  auto const first = std::make_shared<KeptStream>();
  feed.add(first, {}, 5);
  auto const id = first->last_id();
  first->close();
  feed.listener()->job_changed(5);
  auto const second = std::make_shared<KeptStream>();
  feed.add(second, id, 5);
  CHECK(eventually([&] { return second->has(R"({"job":5})"); }));
  CHECK_FALSE(second->has("reset"));
}

TEST_CASE("who has missed too much, or comes from another server, asks anew") {
  FakeSources sources;
  EventFeed feed{sources.sources(), {.pause = 1ms, .most_kept = 2000}};
  auto const first = std::make_shared<KeptStream>();
  feed.add(first, {}, {});
  auto const old = first->last_id();
  for (std::uint64_t job = 100; job < 200; ++job) feed.listener()->job_changed(job);
  REQUIRE(eventually([&] { return first->has(R"({"job":199})"); }));
  EventFeed other{sources.sources(), quick()};
  auto const elsewhere = std::make_shared<KeptStream>();
  other.add(elsewhere, {}, {});
  for (auto const& id :
       {old, elsewhere->last_id(), std::string{"nonsense"}, first->last_id() + "0", std::string{"-"}}) {
    CAPTURE(id);
    auto const stream = std::make_shared<KeptStream>();
    feed.add(stream, id, {});
    CHECK(stream->has("event: reset\ndata: {}\n\n"));
    auto const again = std::make_shared<KeptStream>();
    feed.add(again, stream->last_id(), {});
    CHECK_FALSE(again->has("reset"));
  }
}

TEST_CASE("nothing is looked at as long as nobody listens, and what happens then is not missed unnoticed") {
  FakeSources sources;
  EventFeed feed{sources.sources(), quick(0s)};
  feed.listener()->job_changed(1);
  auto const first = std::make_shared<KeptStream>();
  feed.add(first, {}, {});
  REQUIRE(eventually([&] { return first->has("event: server"); }));
  CHECK_FALSE(first->has("event: job"));
  auto const id = first->last_id();
  first->close();
  REQUIRE(eventually([&] {
    int const before = sources.looks;
    std::this_thread::sleep_for(50ms);
    return sources.looks == before;
  }));
  feed.listener()->job_changed(2);
  auto const second = std::make_shared<KeptStream>();
  feed.add(second, id, {});
  CHECK(second->has("event: reset"));
  CHECK(eventually([&] { return second->has("event: server"); }));
}

TEST_CASE("if an event cannot be made, listeners are told to ask anew") {
  FakeSources sources;
  EventFeed feed{sources.sources(), quick()};
  auto const stream = std::make_shared<KeptStream>();
  feed.add(stream, {}, {});
  {
    std::scoped_lock const lock{sources.mutex};
    sources.breaks = true;
  }
  feed.listener()->job_changed(1);
  CHECK(eventually([&] { return stream->has("event: reset"); }));
  {
    std::scoped_lock const lock{sources.mutex};
    sources.breaks = false;
  }
  feed.listener()->job_changed(2);
  CHECK(eventually([&] { return stream->has(R"({"job":2})"); }));
}

TEST_CASE("an end of many tasks at once is told in events of a bearable size") {
  FakeSources sources;
  EventFeed feed{sources.sources(), quick()};
  auto const stream = std::make_shared<KeptStream>();
  feed.add(stream, {}, {});
  std::vector<std::pair<std::uint64_t, TaskState>> ended;
  for (std::uint64_t task = 0; task < 25'000; ++task) ended.emplace_back(task, TaskState::finished);
  feed.listener()->tasks_ended(3, ended);
  REQUIRE(eventually([&] { return stream->has("[24999,"); }));
  auto const text = stream->text();
  std::size_t events = 0;
  for (auto at = text.find("event: tasks"); at != std::string::npos; at = text.find("event: tasks", at + 1)) ++events;
  CHECK(events == 3);
  CHECK(std::count(text.begin(), text.end(), '[') >= 25'000);
}

TEST_CASE("the listener of a queue may outlive the feed") {
  FakeSources sources;
  std::shared_ptr<QueueListener> listener;
  {
    EventFeed feed{sources.sources(), quick()};
    listener = feed.listener();
    feed.add(std::make_shared<KeptStream>(), {}, {});
  }
  listener->job_changed(1);
  listener->tasks_ended(1, {{0, TaskState::finished}});
}

TEST_CASE("a client of a server hears of its jobs, goes on after a break, and asks anew after a restart") {
  std::string last;
  {
    ApiServer server;
    auto const job = server.submit(2);
    REQUIRE(server.queue().take(2).size() == 2);
    std::atomic<int> heard = 0;
    auto client = server.client();
    std::jthread const ender{[&] {
      CHECK(eventually([&] { return heard > 0; }));
      server.end(job, 0);
    }};
    client.events("/api/v1/events", {}, [&](auto const& id, auto const& event, auto const& data) {
      last = id;
      ++heard;
      return event != "tasks" || json::parse(data).at("ended") != json::array({json::array({0, "finished"})});
    });
    server.end(job, 1);
    bool has_ended = false;
    client.events("/api/v1/events?job=1", last, [&](auto const& id, auto const& event, auto const& data) {
      last = id;
      CHECK(event != "reset");
      CHECK((event == "job" || event == "tasks"));
      has_ended = event == "job" && json::parse(data).at("state") == "finished";
      return !has_ended;
    });
    CHECK(has_ended);
    CHECK_THROWS_WITH(client.events("/api/v1/events?job=7", {}, [](auto&&...) { return true; }),
                      contains("there is no job 7"));
  }
  ApiServer next;
  std::string first;
  next.client().events("/api/v1/events", last, [&](auto const&, auto const& event, auto const&) {
    first = event;
    return false;
  });
  CHECK(first == "reset");
}
