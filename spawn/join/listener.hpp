#pragma once

#include "spawn/join/join_info.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

namespace farm::detail {

struct ListenerLimits {
  /// Who has not shown the key by then is sent away.
  std::chrono::milliseconds patience{10'000};
  /// Whoever comes beyond so many that are not let in yet waits in the kernel's queue until one is let in or sent away.
  std::size_t visitors = 512;
};

/// Accepts streams from ranks and guards, and lets in those that hold the key. Used from the thread of its io_context.
class Listener {
 public:
  using OnStream = std::function<void(Hello hello, Socket socket)>;

  /// Listens on a Unix socket and on TCP, on the loopback address only at first. Throws std::system_error.
  Listener(asio::io_context& context, OnStream on_stream, ListenerLimits limits = {});
  Listener(Listener const&) = delete;
  Listener& operator=(Listener const&) = delete;
  /// Sends away who is not let in yet.
  ~Listener();

  /// From now on also on the addresses by which other hosts reach this one, with heartbeats. Throws SpawnError where
  /// there are none, and UsageError where the environment has it wrong.
  void open_to_network();

  /// Where and with what key to come; the group and what concerns it are left open.
  [[nodiscard]] JoinInfo join_info() const;

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
  std::vector<std::string> addresses_;
  std::chrono::seconds heartbeat_{0};
  bool on_network_ = false;
  ListenerLimits limits_;
  std::unordered_set<Visitor*> visitors_;  ///< connected, but not let in yet
  asio::steady_timer retry_;               ///< accepting has failed: to try again
  bool starved_ = false;                   ///< it has, and this has been said
  bool local_paused_ = false;
  bool tcp_paused_ = false;
};

}  // namespace farm::detail
