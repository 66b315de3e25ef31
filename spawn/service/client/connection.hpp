#pragma once

#include "spawn/service/http/client.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace farm::detail {

/// Which server is meant, as the user has said it.
struct ServerPlace {
  std::string directory{};  ///< its state directory; empty: as state_directory() says
  std::string server{};     ///< HOST:PORT; empty: FARM_SERVER, else the server of the directory
  std::string token{};      ///< for ports; empty: FARM_TOKEN, else the file `token` of the directory
  double limit = 30;        ///< how many seconds an answer may take
  bool was_there = false;   ///< whether a server has answered before, to others
  double patience = 0;      ///< for how many seconds a server that has answered before may be away, to be restarted
  std::function<void(std::string const& why)> when_away{};  ///< called when a server goes away; may be empty
};

/// A connection to the server of a state directory, or to HOST:PORT. Finds the server when it is needed. Not
/// thread-safe. All functions block.
///
/// They throw NoServer, which says how to start one, if there is none, if it does not answer in time, or if the
/// connection breaks; and ServiceError, with the server's own line, if it refuses a request.
class Connection {
 public:
  explicit Connection(ServerPlace place);

  /// What may become of a request whose answer is lost.
  enum class Again {
    may,      ///< it is sent again: the server does nothing twice
    may_not,  ///< it is an error: the server may have done it already
  };

  /// Sends a request and returns the body of the reply. `extra` seconds are added to the time limit, for requests that
  /// the server answers late.
  std::string get(std::string const& target, double extra = 0);
  std::string post(std::string const& target, std::string_view body, Again again = Again::may);
  /// Sends a submission: lines of JSON.
  std::string post_lines(std::string const& target, std::string_view body);
  /// As get(), with the headers of the reply.
  http::Reply reply_to(std::string const& target);

  /// Reads events; http::Client::events() tells how. Uses a connection of its own. Throws NoServer if it breaks.
  void events(
      std::string const& target, std::string const& last_event,
      std::function<bool(std::string const& id, std::string const& event, std::string const& data)> const& on_event);

  /// Returns what messages call the server: "the server of DIR", "the server at HOST:PORT".
  [[nodiscard]] std::string name() const;

 private:
  struct Request {
    std::string method;
    std::string const& target;
    std::string_view body{};
    std::string type{"application/json"};
    double extra = 0;
    Again again = Again::may;
  };
  http::Reply send(Request const& request);
  http::Reply send_once(Request const& request);
  void connect();
  [[nodiscard]] std::string read_token() const;
  [[nodiscard]] std::string why_nobody_listens() const;
  [[nodiscard]] std::string text_of(http::NoAnswer const& error, double limit) const;

  ServerPlace place_;
  std::filesystem::path directory_;
  std::string address_;       ///< the path of a socket, or HOST:PORT; as last found
  std::string token_source_;  ///< for messages
  std::unique_ptr<http::Client> client_;
  bool has_answered_;
};

}  // namespace farm::detail
