#pragma once

#include "spawn/service/http/client.hpp"
#include "spawn/service/http/server.hpp"
#include "tests/service/http_peer.hpp"
#include "tests/spawn/scratch.hpp"

#include <memory>
#include <string>
#include <utility>

/// A server on a Unix socket and on a port, whose token is "secret".
class TestServer {
 public:
  using Handler = farm::detail::http::Server::Handler;
  explicit TestServer(Handler handler = &echo, farm::detail::http::ServerOptions options = {})
      : options_(std::move(options)), handler_(std::move(handler)) {
    options_.socket = scratch_.path / "server.sock";
    options_.listen = {"127.0.0.1:0"};
    options_.token = "secret";
    start();
  }
  /// Starts it anew, at the same port.
  void start() {
    server_ = std::make_unique<farm::detail::http::Server>(options_, handler_);
    options_.listen = {port()};
  }
  void stop() { server_.reset(); }
  [[nodiscard]] std::string local() const { return options_.socket; }
  [[nodiscard]] std::string port() const { return server_->addresses().at(0); }
  [[nodiscard]] farm::detail::http::Server& get() { return *server_; }
  /// Returns a client, by the port or the Unix socket.
  [[nodiscard]] farm::detail::http::Client client(bool is_local = true) const {
    return farm::detail::http::Client{is_local ? local() : port(), "secret"};
  }
  /// Returns the head of a request to the port.
  [[nodiscard]] std::string head(std::string const& line, std::string const& fields = {}) const {
    return line + " HTTP/1.1\r\nHost: " + port() + "\r\nAuthorization: Bearer secret\r\n" + fields + "\r\n";
  }

  /// Answers by what it has got.
  static void echo(farm::detail::http::Request&& request, farm::detail::http::Answer answer) {
    std::string body = request.method + " " + request.path;
    for (auto const& [name, value] : request.query) body += "\n" + name + "=" + value;
    body += "\n" + request.body;
    answer.send({.type = "text/plain", .body = body});
  }

 private:
  Scratch scratch_{"http"};
  farm::detail::http::ServerOptions options_;
  Handler handler_;
  std::unique_ptr<farm::detail::http::Server> server_;
};
