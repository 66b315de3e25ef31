#include "spawn/service/http/address.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netdb.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace farm::detail::http {
namespace {

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  int number = 0;
  for (char const each : text) {
    if (each < '0' || each > '9') return false;
    number = 10 * number + (each - '0');
  }
  return number <= 65535;
}

}  // namespace

bool is_path(std::string const& address) {
  if (address.find('/') != std::string::npos) return true;
  auto const colon = address.rfind(':');
  return colon == std::string::npos || !is_port(std::string_view{address}.substr(colon + 1));
}

HostPort split_address(std::string const& address) {
  auto const colon = address.rfind(':');
  if (colon != std::string::npos && is_port(std::string_view{address}.substr(colon + 1))) {
    auto const host = address.substr(0, colon);
    auto const port = address.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') return {host.substr(1, host.size() - 2), port};
    if (host == "*") return {"", port};
    if (host.find_first_of("[]:/ ") == std::string::npos) return {host, port};
  }
  throw std::invalid_argument(fmt::format("'{}' is no address: HOST:PORT or [IPv6]:PORT is expected", address));
}

std::string address_text(sockaddr const* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) !=
      0)
    return "unknown";
  bool const has_colons = address->sa_family == AF_INET6;
  return fmt::format("{}{}{}:{}", has_colons ? "[" : "", host.data(), has_colons ? "]" : "", port.data());
}

UnixAddress::UnixAddress(std::string const& path) {
  std::string short_path = path;
  if (path.size() >= sizeof address_.sun_path) {
    auto const slash = path.rfind('/');
    auto const directory = slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
    directory_ = Descriptor{open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!directory_) throw std::system_error(errno, std::generic_category(), directory);
    short_path = fmt::format("/proc/self/fd/{}/{}", directory_.get(), path.substr(slash + 1));
    if (short_path.size() >= sizeof address_.sun_path)
      throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
  }
  address_.sun_family = AF_UNIX;
  std::copy(short_path.begin(), short_path.end(), std::begin(address_.sun_path));
}

sockaddr const* UnixAddress::get() const {
  return reinterpret_cast<sockaddr const*>(&address_);  // NOLINT: what the socket functions take
}

}  // namespace farm::detail::http
