#include "spawn/birth.hpp"

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/system_error.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>

namespace farm::detail {
namespace {

using Clock = std::chrono::steady_clock;

/// The connector's part of a handshake, done by a moment. Asio's own blocking calls know no such limit: they ignore
/// SO_RCVTIMEO.
class Dialogue {
 public:
  Dialogue(Socket& socket, Clock::time_point end) : socket_(socket), end_(end) {}

  void connect(Socket::endpoint_type const& endpoint) {
    auto const left = std::chrono::ceil<std::chrono::microseconds>(end_ - Clock::now()).count();
    if (left <= 0) throw asio::system_error(asio::error::timed_out);
    timeval const limit{.tv_sec = left / 1'000'000, .tv_usec = left % 1'000'000};
    int const descriptor = socket_.native_handle();
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);  // Linux bounds connect() by it
    while (::connect(descriptor, static_cast<sockaddr const*>(endpoint.data()),
                     static_cast<socklen_t>(endpoint.size())) != 0) {
      if (errno != EINTR) throw_error(errno == EINPROGRESS ? ETIMEDOUT : errno);
    }
    socket_.non_blocking(true);
  }

  void shake_hands(Birth const& birth, Hello const& hello) {
    Challenge challenge;
    read(&challenge, sizeof challenge);
    if (challenge.magic != stream_magic) throw SpawnError("what listens there is no farm of this version");
    Bytes packed = pack(hello);
    Response response;
    response.nonce = random_bytes();
    response.hello_size = static_cast<std::uint32_t>(packed.size());
    response.mac = connector_mac(birth.key, challenge.nonce, response.nonce, packed);
    write(&response, sizeof response);
    write(packed.data(), packed.size());
    Mac answer{};
    read(answer.data(), answer.size());
    if (!equal(answer, listener_mac(birth.key, challenge.nonce, response.nonce))) {
      throw SpawnError("what listens there does not hold the key of this run");
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
                 Socket::protocol_type const& protocol, Birth const& birth, Hello const& hello, Clock::time_point end) {
  Socket socket{context, protocol};
  Dialogue dialogue{socket, end};
  dialogue.connect(endpoint);
  dialogue.shake_hands(birth, hello);
  return socket;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

Socket connect_to_master(asio::io_context& context, Birth const& birth, Hello const& hello,
                         std::chrono::milliseconds patience) {
  auto const end = Clock::now() + patience;
  try {
    if (birth.host == host_name()) {
      try {
        asio::local::stream_protocol::endpoint const endpoint{std::string(1, '\0') + birth.local_name};
        return connected(context, endpoint, endpoint.protocol(), birth, hello, end);
      } catch (asio::system_error const&) {  // another network name space of the same name: go on by TCP
      }
    }
    asio::ip::tcp::endpoint const endpoint{asio::ip::make_address(birth.address), birth.port};
    auto socket = connected(context, endpoint, endpoint.protocol(), birth, hello, end);
    socket.set_option(asio::ip::tcp::no_delay{true});
    return socket;
  } catch (asio::system_error const& e) {
    throw SpawnError(fmt::format("cannot reach the master at {} port {}: {}", birth.address, birth.port, e.what()));
  }
}

}  // namespace farm::detail
