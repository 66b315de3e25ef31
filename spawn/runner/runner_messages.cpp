#include "spawn/runner/runner_messages.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace farm::detail {
namespace {

constexpr std::size_t most_descriptors = 2;

union ControlBuffer {
  cmsghdr header;
  char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
};

bool send_bytes(int socket, char const* data, std::size_t size) {
  while (size > 0) {
    auto const count = send(socket, data, size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    data += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

bool send_message(int socket, Bytes const& packed, std::vector<int> const& descriptors) {
  MessageHead head{packed.size()};
  iovec parts{.iov_base = &head, .iov_len = sizeof head};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &parts;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    auto* const first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(first), descriptors.data(), descriptors.size() * sizeof(int));
  }
  ssize_t count = 0;
  do {
    count = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  return count == sizeof head && send_bytes(socket, packed.data(), packed.size());
}

bool receive_bytes(int socket, void* data, std::size_t size) {
  auto* to = static_cast<char*>(data);
  while (size > 0) {
    auto const count = recv(socket, to, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    to += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

bool receive_head(int socket, MessageHead& head, std::array<int, 2>& descriptors) {
  iovec parts{.iov_base = &head, .iov_len = sizeof head};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &parts;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t count = 0;
  do {
    count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  } while (count < 0 && errno == EINTR);
  if (count != sizeof head) return false;
  auto const* const first = CMSG_FIRSTHDR(&message);
  if (first != nullptr && first->cmsg_type == SCM_RIGHTS && first->cmsg_len == CMSG_LEN(sizeof descriptors))
    std::memcpy(descriptors.data(), CMSG_DATA(first), sizeof descriptors);
  return true;
}

}  // namespace farm::detail
