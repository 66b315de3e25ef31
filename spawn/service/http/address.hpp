#pragma once

#include "core/base/descriptor.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <string>

/// Addresses of servers: "HOST:PORT", and the paths of Unix sockets.
namespace farm::detail::http {

struct HostPort {
  std::string host{};  ///< without brackets; empty: all addresses of this host
  std::string port{};  ///< a number
};

/// Returns true if the address is the path of a Unix socket, not HOST:PORT.
[[nodiscard]] bool is_path(std::string const& address);

/// Takes "HOST:PORT" or "[HOST]:PORT" apart. Throws std::invalid_argument, with one line, if it is neither.
[[nodiscard]] HostPort split_address(std::string const& address);

/// Returns "HOST:PORT" of a socket's address, with brackets for IPv6.
[[nodiscard]] std::string address_text(sockaddr const* address, socklen_t size);

/// The address of a Unix socket. The kernel takes paths of up to 107 bytes; this takes all whose last part is at most
/// 64 bytes.
class UnixAddress {
 public:
  /// Throws std::system_error if the path is long and its directory cannot be opened.
  explicit UnixAddress(std::string const& path);
  /// Valid as long as this lives.
  [[nodiscard]] sockaddr const* get() const;
  [[nodiscard]] static socklen_t size() { return sizeof(sockaddr_un); }

 private:
  Descriptor directory_;
  sockaddr_un address_{};
};

}  // namespace farm::detail::http
