#include "spawn/wire/open_socket.hpp"

#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <system_error>

namespace farm::detail {

int open_socket(int family) {
  int const descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "socket");
  return descriptor;
}

int accept_socket(int listening) noexcept { return accept4(listening, nullptr, nullptr, SOCK_CLOEXEC); }

void open_socket_pair(asio::local::stream_protocol::socket& one, asio::local::stream_protocol::socket& other) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::system_error(errno, std::generic_category(), "socketpair");
  one.assign(asio::local::stream_protocol{}, ends[0]);
  other.assign(asio::local::stream_protocol{}, ends[1]);
}

}  // namespace farm::detail
