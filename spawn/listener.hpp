#pragma once

#include "spawn/birth.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>

#include <functional>
#include <string>

namespace farm::detail {

/// Accepts streams from ranks and guards, and lets in those that hold the key. Used from the thread of its io_context.
class Listener {
 public:
  using OnStream = std::function<void(Hello hello, Socket socket)>;

  /// Listens on a Unix socket and on TCP, on the loopback address only. Throws std::system_error.
  Listener(asio::io_context& context, OnStream on_stream);

  /// Where and with what key to come; the group and what concerns it are left open.
  [[nodiscard]] Birth invitation() const;

 private:
  class Visitor;

  template <class Acceptor>
  void accept(Acceptor& acceptor);
  void resume();

  asio::io_context& context_;
  OnStream on_stream_;
  Key key_;
  std::string local_name_;
  asio::local::stream_protocol::acceptor local_;
  asio::ip::tcp::acceptor tcp_;
  std::size_t visitors_ = 0;  ///< connected, but not let in yet
  bool local_paused_ = false;
  bool tcp_paused_ = false;
};

}  // namespace farm::detail
