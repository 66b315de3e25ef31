#pragma once

#include "spawn/service/http/address.hpp"
#include "spawn/service/http/messages/reply_parser.hpp"
#include "tests/support/catch.hpp"

#include "core/base/descriptor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

/// Long enough for a loaded machine; only a test that fails waits so long.
constexpr int long_time = 30'000;  // milliseconds

/// Waits until the condition holds; false: it never did.
inline bool eventually(std::function<bool()> const& condition) {
  auto const until = std::chrono::steady_clock::now() + std::chrono::milliseconds{long_time};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

/// A reply as it came.
struct RawReply {
  int status = 0;  ///< 0: the connection ended before there was one
  std::string body{};
  std::map<std::string, std::string> headers{};
  bool keep_alive = false;
};

/// A client that sends whatever bytes it is told to.
class Peer {
 public:
  /// `address` is the path of a Unix socket, or an IPv4 address with a port.
  explicit Peer(std::string const& address) {
    namespace http = farm::detail::http;
    if (http::is_path(address)) {
      socket_ = farm::detail::Descriptor{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      http::UnixAddress const where{address};
      is_connected_ = connect(socket_.get(), where.get(), http::UnixAddress::size()) == 0;
    } else {
      auto const split = http::split_address(address);
      socket_ = farm::detail::Descriptor{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      sockaddr_in where{};
      where.sin_family = AF_INET;
      where.sin_port = htons(static_cast<std::uint16_t>(std::stoi(split.port)));
      inet_pton(AF_INET, split.host.c_str(), &where.sin_addr);
      is_connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
    }
  }
  [[nodiscard]] bool is_connected() const { return is_connected_; }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

  /// Returns true if all bytes were taken.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      auto const count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  void end_output() const { shutdown(socket_.get(), SHUT_WR); }

  /// Reads the next reply.
  RawReply reply(bool has_no_body = false) {
    farm::detail::http::ReplyParser parser{has_no_body};
    while (!parser.is_done()) {
      if (input_.empty() && !fill()) {
        if (!parser.has_head()) return {};
        parser.put_end();
        continue;
      }
      input_.erase(0, parser.put(input_));
      if (!parser.is_done() && !fill()) {
        if (!parser.has_head()) return {};
        parser.put_end();
      }
    }
    return {parser.status(), parser.body(), parser.headers(), parser.keep_alive()};
  }
  /// Reads until there is so much, or the connection ends. Returns all that came.
  std::string read(std::size_t count = std::string::npos) {
    while (input_.size() < count && fill()) {
    }
    return std::exchange(input_, {});
  }
  /// Reads until the text has come. Returns false if the connection ends before.
  bool read_until(std::string_view text) {
    while (input_.find(text) == std::string::npos) {
      if (!fill()) return false;
    }
    return true;
  }

 private:
  /// Returns false at the end of the connection. Throws if nothing comes at all.
  bool fill() {
    pollfd waited{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&waited, 1, long_time) == 0) throw std::runtime_error("the server is silent");
    std::array<char, 65536> bytes{};
    auto const count = recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    input_.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }

  farm::detail::Descriptor socket_{};
  bool is_connected_ = false;
  std::string input_{};
};
