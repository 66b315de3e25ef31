#pragma once

#include "spawn/service/http/server.hpp"
#include "tests/spawn/scratch.hpp"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

/// A server in this process that answers as a test says, at the Unix socket of a state directory.
class ScriptedService {
 public:
  using Response = farm::detail::http::Response;

  explicit ScriptedService(std::string const& name, std::vector<std::string> listen = {}, std::string token = {})
      : scratch_("client-" + name) {
    options_.socket = scratch_.path / "server.sock";
    options_.listen = std::move(listen);
    options_.token = std::move(token);
    start();
  }

  void start() {
    server_ = std::make_unique<farm::detail::http::Server>(
        options_, [this](farm::detail::http::Request&& request, farm::detail::http::Answer const& answer) {
          answer.send(respond(std::move(request)));
        });
  }
  void stop() { server_.reset(); }

  /// Answers requests of this method and path, each time with the next body; the last one stays.
  void on(std::string const& request, std::vector<std::string> bodies, int status = 200) {
    std::scoped_lock const lock{mutex_};
    auto& answers = answers_[request];
    answers.clear();
    for (auto& body : bodies) answers.push_back({.status = status, .body = std::move(body)});
  }

  /// Returns the requests that came, as "GET /path?name=value", in their order.
  [[nodiscard]] std::vector<std::string> requests() const {
    std::scoped_lock const lock{mutex_};
    return requests_;
  }
  /// Returns the body of the last request.
  [[nodiscard]] std::string body() const {
    std::scoped_lock const lock{mutex_};
    return body_;
  }
  [[nodiscard]] std::filesystem::path directory() const { return scratch_.path; }
  [[nodiscard]] std::string port() const { return server_->addresses().at(0); }

 private:
  Response respond(farm::detail::http::Request&& request) {
    std::scoped_lock const lock{mutex_};
    auto const name = request.method + ' ' + request.path;
    std::string query;
    for (auto const& [key, value] : request.query) query += (query.empty() ? '?' : '&') + key + '=' + value;
    requests_.push_back(name + query);
    body_ = std::move(request.body);
    auto found = answers_.find(name + query);
    if (found == answers_.end()) found = answers_.find(name);
    if (found == answers_.end()) return {.status = 404, .body = R"({"error":"there is no such thing"})"};
    auto answer = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    return answer;
  }

  Scratch scratch_;
  farm::detail::http::ServerOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Response>> answers_;
  std::vector<std::string> requests_;
  std::string body_;
  std::unique_ptr<farm::detail::http::Server> server_;
};

/// Returns a job as a server tells of it.
inline std::string job_json(std::uint64_t job, std::string const& state, std::uint64_t tasks, std::string const& counts,
                            std::string const& more = {}) {
  return fmt::format(R"({{"job":{},"name":"","state":"{}","function":"calc","ranks":1,"tasks":{},"counts":{{{}}},)"
                     R"("submitted":1.5,"started":null,"ended":null,"priority":0,"after":[],"seconds_left":null,)"
                     R"("rate":0,"why":null,"first_error":null{}}})",
                     job, state, tasks, counts, more);
}
