#include "spawn/birth.hpp"

#include <asio/buffer.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>

namespace farm::detail {
namespace {

constexpr timeval patience{.tv_sec = 10, .tv_usec = 0};

/// Whatever the handshake reads or writes fails after a while, where the other end says nothing.
void limit_waits(Socket& socket) {
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

void remove_limits(Socket& socket) {
  timeval const none{};
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
}

void shake_hands(Socket& socket, Birth const& birth, Hello const& hello) {
  Challenge challenge;
  asio::read(socket, asio::buffer(&challenge, sizeof challenge));
  if (challenge.magic != stream_magic) throw SpawnError("what listens there is no farm of this version");
  Bytes const packed = pack(hello);
  Response response;
  response.nonce = random_bytes();
  response.hello_size = static_cast<std::uint32_t>(packed.size());
  response.mac = connector_mac(birth.key, challenge.nonce, response.nonce, packed);
  asio::write(socket, std::array{asio::buffer(&response, sizeof response), asio::buffer(const_cast<char*>(packed.data()), packed.size())});
  Mac answer{};
  asio::read(socket, asio::buffer(answer));
  if (!equal(answer, listener_mac(birth.key, challenge.nonce, response.nonce))) {
    throw SpawnError("what listens there does not hold the key of this run");
  }
}

Socket connected(asio::io_context& context, Socket::endpoint_type const& endpoint, Socket::protocol_type const& protocol) {
  Socket socket{context, protocol};
  limit_waits(socket);  // Linux bounds connect() by the send limit
  socket.connect(endpoint);
  return socket;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

Socket connect_to_master(asio::io_context& context, Birth const& birth, Hello hello) {
  std::string const where = fmt::format("{} port {}", birth.address, birth.port);
  try {
    if (birth.host == host_name()) {
      try {
        asio::local::stream_protocol::endpoint const endpoint{std::string(1, '\0') + birth.local_name};
        auto socket = connected(context, endpoint, endpoint.protocol());
        shake_hands(socket, birth, hello);
        remove_limits(socket);
        return socket;
      } catch (asio::system_error const&) {  // another network name space of the same name: go on by TCP
      }
    }
    asio::ip::tcp::endpoint const endpoint{asio::ip::make_address(birth.address), birth.port};
    auto socket = connected(context, endpoint, endpoint.protocol());
    socket.set_option(asio::ip::tcp::no_delay{true});
    shake_hands(socket, birth, hello);
    remove_limits(socket);
    return socket;
  } catch (asio::system_error const& e) {
    throw SpawnError(fmt::format("cannot reach the master at {}: {}", where, e.what()));
  }
}

}  // namespace farm::detail
