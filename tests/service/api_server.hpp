#pragma once

#include "spawn/service/api/api.hpp"
#include "spawn/service/http/client.hpp"
#include "spawn/service/http/server.hpp"
#include "tests/service/http_peer.hpp"
#include "tests/spawn/scratch.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A dispatcher that runs nothing, and says what it is told to say.
class FakeDispatcher final : public farm::detail::DispatchPort {
 public:
  struct Facts {
    bool is_stopping = false;
    std::vector<farm::detail::GroupView> groups{};
    std::optional<farm::detail::RunningTask> running{};
    std::string problem{};
  };
  /// Changes what is said.
  template <class F>
  void change(F f) {
    std::scoped_lock const lock{mutex_};
    f(facts_);
  }

  [[nodiscard]] bool is_stopping() const override { return facts().is_stopping; }
  [[nodiscard]] std::vector<farm::detail::GroupView> groups() const override { return facts().groups; }
  [[nodiscard]] std::optional<farm::detail::RunningTask> running(farm::detail::TaskName /*task*/) const override {
    return facts().running;
  }
  [[nodiscard]] int max_ranks() const override { return 16; }
  [[nodiscard]] std::string problem() const override { return facts().problem; }
  [[nodiscard]] std::size_t taken_over() const override { return 3; }
  void check(farm::detail::JobSpec const& spec, std::vector<farm::detail::TaskSpec> const& /*tasks*/) const override {
    if (spec.kinds.front().function == "clac") throw farm::UsageError("there is no function clac; did you mean calc?");
  }

 private:
  [[nodiscard]] Facts facts() const {
    std::scoped_lock const lock{mutex_};
    return facts_;
  }
  mutable std::mutex mutex_;
  Facts facts_;
};

/// Requests, on a real queue and a real store, through a real HTTP server. Tasks end when a test says so.
class ApiServer {
 public:
  using json = nlohmann::json;

  ApiServer() {
    std::filesystem::create_directories(directory());
    store_ = std::make_unique<farm::detail::Store>(directory());
    queue_ = std::make_unique<farm::detail::JobQueue>(*store_, store_->load());
    farm::detail::ServerFacts facts{.version = "1.2.3",
                                    .program = "/bin/farm",
                                    .build = "abc",
                                    .directory = directory(),
                                    .host = "node1",
                                    .process = 77,
                                    .since = 1000.5,
                                    .source = "launched",
                                    .slots = "16 (hosts)",
                                    .damage = {"a page was torn"},
                                    .page_key = "page"};
    facts.stop = [this](farm::detail::Dispatcher::How how) { stopped = static_cast<int>(how); };
    api_ = std::make_unique<farm::detail::Api>(*queue_, *store_, dispatcher, facts);
    server_ = std::make_unique<farm::detail::http::Server>(
        farm::detail::http::ServerOptions{
            .socket = socket(), .listen = {"127.0.0.1:0"}, .token = "secret", .page_key = "page"},
        [this](farm::detail::http::Request&& request, farm::detail::http::Answer answer) {
          api_->handle(std::move(request), std::move(answer));
        });
    api_->set_addresses(server_->addresses());
  }
  ApiServer(ApiServer const&) = delete;
  ApiServer& operator=(ApiServer const&) = delete;
  ~ApiServer() {
    server_.reset();
    api_.reset();
    queue_.reset();
    store_.reset();
  }

  [[nodiscard]] std::filesystem::path directory() const { return scratch_.path / "state"; }
  [[nodiscard]] std::string socket() const { return directory() / "server.sock"; }
  [[nodiscard]] std::string port() const { return server_->addresses().at(0); }
  [[nodiscard]] farm::detail::http::Client client() const { return farm::detail::http::Client{socket()}; }
  [[nodiscard]] farm::detail::JobQueue& queue() { return *queue_; }
  [[nodiscard]] farm::detail::Store& store() { return *store_; }
  void flush() { REQUIRE(store_->flush(60)); }

  /// Sends a request, checks the status, and returns the body.
  std::string ask(std::string const& method, std::string const& target, std::string const& body = {},
                  int status = 200) {
    auto const reply = client_.request(method, target, body);
    INFO(method << ' ' << target << ": " << reply.body);
    CHECK(reply.status == status);
    return reply.body;
  }
  json get(std::string const& target, int status = 200) { return json::parse(ask("GET", target, {}, status)); }
  json post(std::string const& target, std::string const& body = {}, int status = 200) {
    return json::parse(ask("POST", target, body, status));
  }
  /// Submits tasks of a function, and returns the job's number.
  std::uint64_t submit(std::size_t tasks, json spec = json::object(), std::string const& function = "calc") {
    spec["kinds"] = json::array({{{"function", function}}});
    auto body = json{{"spec", spec}, {"tasks", tasks}}.dump();
    for (std::size_t i = 0; i < tasks; ++i) body += fmt::format("\n[{}]", i);
    return post("/api/v1/jobs", body, 201).at("job").get<std::uint64_t>();
  }
  /// Lets a task end that was taken from the queue. Returns once that is on disk.
  void end(std::uint64_t job, std::uint64_t task, farm::detail::TaskState state = farm::detail::TaskState::finished,
           std::string value = "42") {
    queue_->end({{.job = job,
                  .task = task,
                  .state = state,
                  .attempts = 1,
                  .started = 2000,
                  .ended = 2001,
                  .seconds = 0.5,
                  .group = 4,
                  .hosts = "node1,node2",
                  .value = std::move(value)}});
    flush();
  }

  FakeDispatcher dispatcher;
  std::atomic<int> stopped = -1;

 private:
  Scratch scratch_{"api"};
  std::unique_ptr<farm::detail::Store> store_;
  std::unique_ptr<farm::detail::JobQueue> queue_;
  std::unique_ptr<farm::detail::Api> api_;
  std::unique_ptr<farm::detail::http::Server> server_;
  farm::detail::http::Client client_{(scratch_.path / "state" / "server.sock").string()};
};

/// An error of a task, as JSON.
inline std::string const some_error = R"({"type":"std::runtime_error","text":"it broke","rank":1,"host":"node1"})";
