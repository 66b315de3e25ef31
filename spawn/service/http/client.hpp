#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace farm::detail::http {

/// Thrown if there is no answer: nobody listens, the connection breaks, or the time limit is over.
class NoAnswer : public std::runtime_error {
 public:
  enum class Why { nobody_listens, broken, too_slow };
  NoAnswer(Why reason, std::string const& text) : runtime_error(text), why(reason) {}
  Why why;
};

struct Reply {
  int status = 0;
  std::string body{};
  std::map<std::string, std::string> headers{};  ///< names in lower case
};

/// A connection to a server, which is opened when it is needed and kept. Not thread-safe. All functions block.
class Client {
 public:
  /// `address` is the path of a Unix socket, or HOST:PORT. `limit` is how long each answer may take, in seconds.
  explicit Client(std::string address, std::string token = {}, double limit = 30);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Sends a request and returns the reply, whatever its status. Tries again, once, if a kept connection turns out to
  /// be closed before anything of the answer has come. `limit` in seconds overrides the client's; 0: none.
  Reply request(std::string const& method, std::string const& target, std::string_view body = {},
                std::string const& type = "application/json", double limit = -1);
  /// Reads a stream of events: calls `on_event(id, event, data)` for each until it returns false or the stream ends.
  /// `silence` is how many seconds may pass without a byte. Throws NoAnswer if it breaks.
  void events(
      std::string const& target, std::string const& last_event,
      std::function<bool(std::string const& id, std::string const& event, std::string const& data)> const& on_event,
      double silence = 60);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

/// Percent-encodes a part of a path or query.
[[nodiscard]] std::string encode(std::string_view text);

}  // namespace farm::detail::http
