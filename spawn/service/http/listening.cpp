#include "spawn/service/http/listening.hpp"

#include "spawn/service/http/address.hpp"
#include "spawn/wire/open_socket.hpp"

#include <fmt/format.h>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace farm::detail::http {
namespace {

[[noreturn]] void fail(int error, std::string const& what) {
  throw std::system_error(error, std::generic_category(), what);
}

/// Removes the socket of a server that is gone.
void remove_stale(std::string const& path, UnixAddress const& address) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    fail(errno, fmt::format("cannot listen at {}", path));
  }
  if (!S_ISSOCK(found.st_mode)) fail(EEXIST, fmt::format("cannot listen at {}, which is no socket", path));
  Descriptor const probe{open_socket(AF_UNIX)};
  if (connect(probe.get(), address.get(), UnixAddress::size()) == 0 || errno == EAGAIN)
    fail(EADDRINUSE, fmt::format("cannot listen at {}", path));
  unlink(path.c_str());
}

struct FreeAddresses {
  void operator()(addrinfo* first) const { freeaddrinfo(first); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses resolve(HostPort const& where, std::string const& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  int const error = getaddrinfo(where.host.empty() ? nullptr : where.host.c_str(), where.port.c_str(), &hints, &first);
  if (error == EAI_SYSTEM) fail(errno, fmt::format("cannot listen at {}", address));
  if (error != 0) fail(EADDRNOTAVAIL, fmt::format("cannot listen at {}: {}", address, gai_strerror(error)));
  return Addresses{first};
}

void set_port(sockaddr* address, std::uint16_t port) {
  if (address->sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);  // NOLINT
  } else {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);  // NOLINT
  }
}

/// Returns an empty socket, and sets errno, if this address cannot be used.
PortListening listen_at(sockaddr const* address, socklen_t size) {
  PortListening listening;
  listening.socket = Descriptor{socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!listening.socket) return {};
  int const fd = listening.socket.get();
  int const on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, address, size) != 0 || listen(fd, SOMAXCONN) != 0) {
    int const error = errno;
    listening.socket = Descriptor{};
    errno = error;
    return {};
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  auto* const generic = reinterpret_cast<sockaddr*>(&bound);  // NOLINT: what the socket functions take
  if (getsockname(fd, generic, &length) != 0) return {};
  listening.address = address_text(generic, length);
  listening.port = ntohs(address->sa_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port  // NOLINT
                                                        : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);  // NOLINT
  return listening;
}

}  // namespace

LocalListening::LocalListening(std::string path) : path_(std::move(path)) {
  UnixAddress const address{path_};
  remove_stale(path_, address);
  socket_ = Descriptor{open_socket(AF_UNIX)};
  if (bind(socket_.get(), address.get(), UnixAddress::size()) != 0)
    fail(errno, fmt::format("cannot listen at {}", path_));
  struct stat made {};
  // Nobody can connect before it listens.
  if (chmod(path_.c_str(), S_IRUSR | S_IWUSR) != 0 || lstat(path_.c_str(), &made) != 0 ||
      listen(socket_.get(), SOMAXCONN) != 0) {
    int const error = errno;
    unlink(path_.c_str());
    fail(error, fmt::format("cannot listen at {}", path_));
  }
  device_ = made.st_dev;
  file_ = made.st_ino;
}

LocalListening::~LocalListening() {
  struct stat found {};
  if (lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == file_) unlink(path_.c_str());
}

std::vector<PortListening> listen_at(std::string const& address) {
  auto const where = split_address(address);
  auto const addresses = resolve(where, address);
  std::vector<PortListening> all;
  int error = 0;
  for (addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
    if (where.port == "0" && !all.empty()) set_port(each->ai_addr, all.front().port);
    auto const text = address_text(each->ai_addr, each->ai_addrlen);
    if (std::any_of(all.begin(), all.end(), [&](auto const& done) { return done.address == text; })) continue;
    auto listening = listen_at(each->ai_addr, each->ai_addrlen);
    if (listening.socket) {
      all.push_back(std::move(listening));
    } else if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) {  // a host without IPv6 has such addresses
      fail(errno, fmt::format("cannot listen at {}", address));
    } else {
      error = errno;
    }
  }
  if (all.empty()) fail(error, fmt::format("cannot listen at {}", address));
  return all;
}

}  // namespace farm::detail::http
