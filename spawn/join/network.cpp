#include "spawn/join/network.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::chrono::seconds default_heartbeat{20};

std::string to_text(in_addr address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &address, text.data(), text.size());
  return text.data();
}

std::optional<std::string> address_of(std::string const& name) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> const owner{found, &freeaddrinfo};
  sockaddr_in address{};
  std::copy_n(reinterpret_cast<char const*>(found->ai_addr), sizeof address, reinterpret_cast<char*>(&address));
  return to_text(address.sin_addr);
}

std::vector<std::string> interface_addresses() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return {};
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> const owner{all, &freeifaddrs};
  std::vector<std::string> addresses;
  for (auto const* each = all; each != nullptr; each = each->ifa_next) {
    bool const usable = each->ifa_addr != nullptr && each->ifa_addr->sa_family == AF_INET &&
                        (each->ifa_flags & IFF_UP) != 0 && (each->ifa_flags & IFF_LOOPBACK) == 0;
    if (usable) addresses.push_back(to_text(reinterpret_cast<sockaddr_in const*>(each->ifa_addr)->sin_addr));
  }
  return addresses;
}

}  // namespace

std::chrono::seconds heartbeat() {
  auto const seconds = heartbeat_setting();
  return seconds ? std::chrono::seconds{*seconds} : default_heartbeat;
}

/// Data that is sent late in a silence restarts the kernel's TCP_USER_TIMEOUT. That is why the timeout is half of
/// `limit`.
void enable_heartbeat(int socket, std::chrono::seconds limit) {
  if (limit.count() <= 0) return;
  auto const set = [&](int level, int option, int value) { setsockopt(socket, level, option, &value, sizeof value); };
  auto const half = std::chrono::milliseconds{limit} / 2;
  int const interval = std::max(1, static_cast<int>(limit.count() / 6));
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, interval);
  set(IPPROTO_TCP, TCP_KEEPINTVL, interval);
  set(IPPROTO_TCP, TCP_KEEPCNT, 100);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(half.count()));
}

std::vector<std::string> reachable_addresses() {
  if (auto const text = setting(Setting::address); !text.empty()) {
    auto const address = address_of(text);
    if (!address)
      throw UsageError(
          fmt::format("FARM_ADDRESS is \"{}\", which is no address, and no host name that can be resolved", text));
    return {*address};
  }
  auto addresses = interface_addresses();
  if (addresses.empty()) {
    throw SpawnError(
        fmt::format("{} has no network address: ranks on other hosts cannot reach the master", host_name()));
  }
  auto const preferred = address_of(host_name());
  auto const found = preferred ? std::find(addresses.begin(), addresses.end(), *preferred) : addresses.end();
  if (found != addresses.end()) std::rotate(addresses.begin(), found, found + 1);
  return addresses;
}

}  // namespace farm::detail
