#include "spawn/join/join_info.hpp"

#include "core/base/host_name.hpp"
#include "spawn/join/link.hpp"

#include <farm/error.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/system_error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace farm::detail {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view join_magic = "farmbrt1";
constexpr std::size_t max_join_size = std::size_t{64} << 10U;

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

  void shake_hands(JoinInfo const& join_info, Hello const& hello) {
    Challenge challenge;
    read(&challenge, sizeof challenge);
    if (challenge.magic != stream_magic) throw SpawnError("what listens there is no farm of this version");
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
                 Socket::protocol_type const& protocol, JoinInfo const& join_info, Hello const& hello,
                 Clock::time_point end) {
  Socket socket{context, protocol};
  Dialogue dialogue{socket, end};
  dialogue.connect(endpoint);
  dialogue.shake_hands(join_info, hello);
  return socket;
}

}  // namespace

Socket connect_to_master(asio::io_context& context, JoinInfo const& join_info, Hello const& hello,
                         std::chrono::milliseconds patience) {
  auto const end = Clock::now() + patience;
  if (join_info.host == host_name()) {
    try {
      asio::local::stream_protocol::endpoint const endpoint{std::string(1, '\0') + join_info.local_name};
      return connected(context, endpoint, endpoint.protocol(), join_info, hello, end);
    } catch (asio::system_error const&) {  // another network name space of the same name: go on by TCP
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
      watch_link(socket.native_handle(), std::chrono::seconds{join_info.heartbeat});
      return socket;
    } catch (asio::system_error const& e) {
      why += fmt::format("{}{} port {}: {}", why.empty() ? "" : "; ", address, join_info.port, e.code().message());
    }
  }
  bool const only_there = join_info.host != host_name() && join_info.addresses.size() == 1 &&
                          join_info.addresses.front().starts_with("127.");
  throw SpawnError(fmt::format("{} cannot reach the master on {} at {}{}", host_name(), join_info.host, why,
                               only_there ? "; it does not listen for other hosts: name those of the pool, or set "
                                            "FARM_ADDRESS to its address"
                                          : ""));
}

void write_join_info(JoinInfo const& join_info, std::string const& path) {
  int const file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  Bytes const packed = std::string{join_magic} + pack(join_info);
  bool const written = file >= 0 && write(file, packed.data(), packed.size()) == static_cast<ssize_t>(packed.size());
  int const error = errno;
  if (file >= 0) close(file);
  if (written) return;
  if (file >= 0) unlink(path.c_str());
  throw SpawnError(fmt::format("{} cannot be written: {}", path, std::generic_category().message(error)));
}

JoinInfo read_join_info(std::string const& path) {
  int const file = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) {
    throw SpawnError(
        fmt::format("{} cannot read {}, which the master has written: {}; the stage directory must be "
                    "shared by all hosts: name such a one with FARM_STAGE_DIR",
                    host_name(), path, std::generic_category().message(errno)));
  }
  Bytes packed(max_join_size, '\0');
  struct stat info {};
  bool const ours = fstat(file, &info) == 0 && info.st_uid == geteuid() && (info.st_mode & 077U) == 0;
  ssize_t const count = ours ? read(file, packed.data(), packed.size()) : -1;
  close(file);
  std::string_view content{packed.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  try {
    if (!content.starts_with(join_magic)) throw SerializationError("no birth");
    content.remove_prefix(join_magic.size());
    return unpack<JoinInfo>(content);
  } catch (std::exception const&) {
    throw SpawnError(fmt::format("{} was not written by a master of this version, or others may read it", path));
  }
}

std::string join_file_path(std::uint64_t group) {
  auto const* const run = current_stage_run();
  auto const directory = run != nullptr ? run->directory() : find_stage_directory().path;
  return (std::filesystem::absolute(directory) / fmt::format("birth-{}-{}", getpid(), group)).string();
}

}  // namespace farm::detail
