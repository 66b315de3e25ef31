#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/wire/socket.hpp"

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
  /// How long a handshake may take. A connector that has not proved by then that it holds the key is refused.
  std::chrono::milliseconds handshake_timeout{10'000};
  /// How many handshakes may be in progress. Further connections wait in the kernel's queue.
  std::size_t handshakes = 512;
};

/// Accepts connections from ranks, guards and socket peers, and authenticates them: only those that hold the key become
/// streams. Use it on the thread of its io_context only.
class Listener {
 public:
  /// Takes over an authenticated connection. An exception that it throws refuses the connection.
  using OnStream = std::function<void(Hello hello, Socket socket)>;

  /// Listens on a Unix socket, and on TCP at the loopback address. Throws std::system_error.
  Listener(asio::io_context& context, OnStream on_stream, ListenerLimits limits = {});
  Listener(Listener const&) = delete;
  Listener& operator=(Listener const&) = delete;
  /// Closes the connections whose handshake is in progress.
  ~Listener();

  /// Listens at the addresses where other hosts reach this one, with heartbeats, instead of the loopback address. Does
  /// nothing the second time. Throws SpawnError if there are no such addresses, and UsageError if FARM_ADDRESS or
  /// FARM_HEARTBEAT is wrong.
  void open_to_network();

  /// Returns where to connect and with which key. What concerns the group is left empty.
  [[nodiscard]] JoinInfo join_info() const;

 private:
  class Handshake;

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
  std::unordered_set<Handshake*> handshakes_;  ///< in progress
  asio::steady_timer retry_;                   ///< runs after accepting has failed
  bool failure_logged_ = false;                ///< the latest failure to accept
  bool local_paused_ = false;
  bool tcp_paused_ = false;
};

}  // namespace farm::detail
