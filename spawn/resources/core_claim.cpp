#include "spawn/resources/core_claim.hpp"

#include <fmt/format.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <cstddef>
#include <cstring>

namespace farm::detail {

/// A name in the abstract name space of sockets: no file is left behind, whoever dies.
Descriptor claim_core(int first_processor) {
  Descriptor claim{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!claim) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto const name = fmt::format("farm-core-{}", first_processor);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(claim.get(), reinterpret_cast<sockaddr const*>(&address), size) != 0) return {};
  return claim;
}

}  // namespace farm::detail
