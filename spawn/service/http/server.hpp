#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HTTP for the service: a server on a Unix socket and on TCP ports, with one thread of its own. Built on Boost.Beast,
/// which no header here shows.
namespace farm::detail::http {

/// A request whose body has arrived in full, and which was let in.
struct Request {
  std::string method{};                          ///< "GET"
  std::string path{};                            ///< decoded, without the query: "/api/v1/jobs"
  std::map<std::string, std::string> query{};    ///< decoded
  std::map<std::string, std::string> headers{};  ///< names in lower case
  std::string body{};
  bool is_local = false;   ///< came by the Unix socket
  bool may_change = true;  ///< false: the page's key lets it read, and do what the page's buttons do
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body{};
  std::map<std::string, std::string> headers{};
};

/// A listener of events: a response that never ends (text/event-stream). Thread-safe. A slow reader loses its
/// connection rather than the server its memory.
class EventStream {
 public:
  virtual ~EventStream() = default;
  /// Sends text as it stands. Returns false once the connection is gone.
  virtual bool send(std::string_view text) = 0;
  virtual void close() = 0;
};

/// Answers a request, at once or later, from any thread. Exactly one of the functions is to be called, once; if the
/// last copy goes without, the answer is 500.
class Answer {
 public:
  class Connection;
  explicit Answer(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  void send(Response response) const;
  /// Begins a stream of events, after the head of the response.
  [[nodiscard]] std::shared_ptr<EventStream> stream() const;

 private:
  std::shared_ptr<Connection> connection_;
};

struct ServerOptions {
  std::string socket{};  ///< the path of the Unix socket; only this user (and root) may connect: its peer is checked
  std::vector<std::string> listen{};  ///< "HOST:PORT"; port 0: any
  std::string token{};     ///< what `Authorization: Bearer TOKEN` must have on ports; compared in constant time
  std::string page_key{};  ///< the cookie or query parameter `key` that the page has; empty: there is no page
  std::size_t largest_body = std::size_t{256} << 20U;
  std::size_t largest_head = 64U << 10U;
  std::size_t most_connections = 512;
  double head_limit = 10;   ///< seconds in which a request's head must arrive
  double body_limit = 300;  ///< and its body
  double idle_limit = 60;   ///< and from one request to the next
};

/// The server. What needs no application it answers itself: 400 malformed, 401 no or wrong token, 403 foreign Host,
/// Origin or peer, 408 too slow, 413 body too large, 431 head too large, 503 too many connections.
class Server {
 public:
  /// Called on the server's thread; must not block for long. What it throws is answered by 500 with its text.
  using Handler = std::function<void(Request&&, Answer)>;

  /// Listens. Throws std::system_error, whose text names the address.
  Server(ServerOptions options, Handler handler);
  /// Closes all connections and removes the socket.
  ~Server();
  Server(Server const&) = delete;
  Server& operator=(Server const&) = delete;

  /// Returns where the ports listen: "127.0.0.1:8080".
  [[nodiscard]] std::vector<std::string> addresses() const;
  [[nodiscard]] std::size_t connections() const;
  /// Runs `f` on the server's thread. Thread-safe.
  void post(std::function<void()> f);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace farm::detail::http
