#include "spawn/guard/held_connections.hpp"

#include "spawn/platform/farm_watched.hpp"

#include <dlfcn.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

constexpr int answer_limit_ms = 500;
constexpr useconds_t rest_of_answer_us = 50'000;  // the server answers in two or three parts

ConnectionHolder the_holder;          // NOLINT: one per process
std::atomic<bool> is_holding{false};  // NOLINT: read by any thread that connects

/// A message of one byte, with room for one descriptor.
struct Message {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};

  Message() {
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  Message(Message const&) = delete;
  Message& operator=(Message const&) = delete;
};

/// Returns a connection that waits in the pair, or none.
Descriptor take_held(int receiving) {
  Message message;
  if (recvmsg(receiving, &message.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0) return {};
  auto const* const part = CMSG_FIRSTHDR(&message.header);
  if (part == nullptr || part->cmsg_type != SCM_RIGHTS) return {};
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(part), sizeof descriptor);
  return Descriptor{descriptor};
}

}  // namespace

ConnectionHolder make_connection_holder() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::system_error(errno, std::generic_category(), "socketpair");
  return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

void set_connection_holder(ConnectionHolder holder) { the_holder = std::move(holder); }

HoldsConnections::HoldsConnections() noexcept { is_holding = the_holder.sending.get() >= 0; }

HoldsConnections::~HoldsConnections() {
  is_holding = false;
  if (the_holder.receiving.get() < 0) return;
  while (take_held(the_holder.receiving.get()).get() >= 0) continue;
}

void end_held_connections(int receiving) noexcept {
  for (auto held = take_held(receiving); held.get() >= 0; held = take_held(receiving)) {
    pollfd answer{.fd = held.get(), .events = POLLIN, .revents = 0};
    poll(&answer, 1, answer_limit_ms);
    usleep(rest_of_answer_us);
  }
}

}  // namespace farm::detail

#if FARM_WATCHES_CALLS

namespace farm::detail {
namespace {

void hold(int descriptor) {
  Message message;
  auto* const part = CMSG_FIRSTHDR(&message.header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
  sendmsg(the_holder.sending.get(), &message.header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace
}  // namespace farm::detail

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the names of libc are reserved
extern "C" FARM_WATCHED int connect(int descriptor, sockaddr const* address, socklen_t size) {
  using Connect = int(int, sockaddr const*, socklen_t);
  static auto* const next = reinterpret_cast<Connect*>(dlsym(RTLD_NEXT, "connect"));
  int const result = next(descriptor, address, size);
  if (farm::detail::is_holding && (result == 0 || errno == EINPROGRESS)) {
    int const error = errno;
    farm::detail::hold(descriptor);
    errno = error;
  }
  return result;
}

#endif
