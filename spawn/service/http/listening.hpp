#pragma once

#include "core/base/descriptor.hpp"

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Sockets that listen.
namespace farm::detail::http {

/// A Unix socket that listens. The destructor removes its file, if it is still this one.
class LocalListening {
 public:
  /// Makes the socket with mode 0600. A socket of a server that is gone is replaced. Throws std::system_error.
  explicit LocalListening(std::string path);
  LocalListening(LocalListening const&) = delete;
  LocalListening& operator=(LocalListening const&) = delete;
  ~LocalListening();
  /// Returns the socket, which the caller then owns.
  [[nodiscard]] Descriptor take() { return std::move(socket_); }

 private:
  std::string path_;
  Descriptor socket_{};
  dev_t device_ = 0;
  ino_t file_ = 0;
};

/// A port that listens.
struct PortListening {
  Descriptor socket{};
  std::string address{};  ///< "127.0.0.1:8080"
  std::uint16_t port = 0;
};

/// Listens at all addresses of a host. `address` is HOST:PORT; port 0 is any, the same for all. Throws
/// std::system_error, whose text names the address, or std::invalid_argument.
[[nodiscard]] std::vector<PortListening> listen_at(std::string const& address);

}  // namespace farm::detail::http
