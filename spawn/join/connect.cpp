#include "spawn/join/connect.hpp"

#include "core/base/host_name.hpp"
#include "spawn/join/network.hpp"
#include "spawn/wire/open_socket.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/system_error.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <cerrno>
#include <chrono>
#include <string>

namespace farm::detail {
namespace {

using Clock = std::chrono::steady_clock;

/// The connector's part of a handshake, with a deadline. Asio's own blocking calls have no time limit: they ignore
/// SO_RCVTIMEO.
class ConnectorHandshake {
 public:
  ConnectorHandshake(Socket& socket, Clock::time_point end) : socket_(socket), end_(end) {}

  void connect(Socket::endpoint_type const& endpoint) {
    auto const left = std::chrono::ceil<std::chrono::microseconds>(end_ - Clock::now()).count();
    if (left <= 0) throw asio::system_error(asio::error::timed_out);
    timeval const limit{.tv_sec = left / 1'000'000, .tv_usec = left % 1'000'000};
    int const descriptor = socket_.native_handle();
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);  // on Linux, this also limits connect()
    while (::connect(descriptor, static_cast<sockaddr const*>(endpoint.data()),
                     static_cast<socklen_t>(endpoint.size())) != 0) {
      if (errno != EINTR) throw_error(errno == EINPROGRESS ? ETIMEDOUT : errno);
    }
    socket_.non_blocking(true);
  }

  void authenticate(JoinInfo const& join_info, Hello const& hello) {
    Challenge challenge;
    read(&challenge, sizeof challenge);
    if (challenge.magic != stream_magic)
      throw SpawnError("the listener at the master's address is no farm of this version");
    Bytes packed = pack(hello);
    Response response;
    response.nonce = random_bytes();
    response.hello_size = static_cast<std::uint32_t>(packed.size());
    response.mac = connector_mac(join_info.key, challenge.nonce, response.nonce, packed);
    write(&response, sizeof response);
    write(packed.data(), packed.size());
    Mac answer{};
    read(answer.data(), answer.size());
    if (!equal(answer, listener_mac(join_info.key, challenge.nonce, response.nonce))) {
      throw SpawnError("the listener at the master's address does not hold the key of this run");
    }
  }

 private:
  void read(void* data, std::size_t size) {
    transfer(data, size, POLLIN, [&](auto const& buffer, auto& error) { return socket_.read_some(buffer, error); });
  }
  void write(void* data, std::size_t size) {
    transfer(data, size, POLLOUT, [&](auto const& buffer, auto& error) { return socket_.write_some(buffer, error); });
  }

  template <class Some>
  void transfer(void* data, std::size_t size, short event, Some some) {
    auto buffer = asio::buffer(data, size);
    while (buffer.size() != 0) {
      asio::error_code error;
      buffer += some(buffer, error);
      if (error == asio::error::would_block) {
        wait(event);
      } else if (error && error != asio::error::interrupted) {
        throw asio::system_error(error);
      }
    }
  }

  void wait(short event) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
    pollfd entry{.fd = socket_.native_handle(), .events = event, .revents = 0};
    int const ready = left > 0 ? poll(&entry, 1, static_cast<int>(left)) : 0;
    if (ready == 0) throw asio::system_error(asio::error::timed_out);
    if (ready < 0 && errno != EINTR) throw_error(errno);
  }

  [[noreturn]] static void throw_error(int number) {
    throw asio::system_error(number, asio::error::get_system_category());
  }

  Socket& socket_;
  Clock::time_point end_;
};

Socket connected(asio::io_context& context, Socket::endpoint_type const& endpoint,
                 Socket::protocol_type const& protocol, JoinInfo const& join_info, Hello const& hello,
                 Clock::time_point end) {
  Socket socket{context};
  socket.assign(protocol, open_socket(protocol.family()));
  ConnectorHandshake handshake{socket, end};
  handshake.connect(endpoint);
  handshake.authenticate(join_info, hello);
  return socket;
}

}  // namespace

Socket connect_to_master(asio::io_context& context, JoinInfo const& join_info, Hello const& hello,
                         std::chrono::milliseconds timeout) {
  auto const end = Clock::now() + timeout;
  if (join_info.host == host_name()) {
    try {
      asio::local::stream_protocol::endpoint const endpoint{std::string(1, '\0') + join_info.local_name};
      return connected(context, endpoint, endpoint.protocol(), join_info, hello, end);
    } catch (asio::system_error const&) {  // a network namespace of the same host name: use TCP
    }
  }
  std::string why;
  for (auto left = join_info.addresses.size(); left != 0; --left) {
    auto const& address = join_info.addresses[join_info.addresses.size() - left];
    try {
      asio::ip::tcp::endpoint const endpoint{asio::ip::make_address(address), join_info.port};
      auto const part = (end - Clock::now()) / static_cast<Clock::rep>(left);
      auto socket = connected(context, endpoint, endpoint.protocol(), join_info, hello, Clock::now() + part);
      socket.set_option(asio::ip::tcp::no_delay{true});
      enable_heartbeat(socket.native_handle(), std::chrono::seconds{join_info.heartbeat});
      return socket;
    } catch (asio::system_error const& e) {
      why += fmt::format("{}{} port {}: {}", why.empty() ? "" : "; ", address, join_info.port, e.code().message());
    }
  }
  bool const loopback_only = join_info.host != host_name() && join_info.addresses.size() == 1 &&
                             join_info.addresses.front().starts_with("127.");
  throw SpawnError(fmt::format("{} cannot reach the master on {} at {}{}", host_name(), join_info.host, why,
                               loopback_only ? "; it does not listen for other hosts: name the pool's hosts, or set "
                                               "FARM_ADDRESS to the master's address"
                                             : ""));
}

}  // namespace farm::detail
