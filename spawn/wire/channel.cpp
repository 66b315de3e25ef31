#include "spawn/wire/channel.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// How long to poll before sleeping: polling costs less than being woken, which takes 45 us in a virtual machine.
constexpr auto spin_time = 200us;

Bytes bare_frame(FrameType type) {
  Bytes frame;
  append_frame(frame, type);
  return frame;
}

}  // namespace

Channel::Channel(Socket socket) : socket_(std::move(socket)) { socket_.non_blocking(true); }

std::optional<Frame> Channel::next() {
  input_.consume(used_);
  used_ = 0;
  for (;;) {
    auto rest = input_.content();
    auto const size = rest.size();
    if (auto const frame = next_frame(rest)) {
      if (frame->type != FrameType::ring) {
        used_ = size - rest.size();
        return frame;
      }
      take_ring(frame->id);
      input_.consume(size - rest.size());
      continue;
    }
    flush();
    if (!read()) return std::nullopt;
  }
}

void Channel::take_ring(std::uint64_t number) try {
  auto ring = SharedMemory<Ring>::take(std::exchange(received_[0], {}));
  auto bell = SharedMemory<Doorbell>::take(std::exchange(received_[1], {}));
  ring_.emplace(std::move(ring), std::move(bell), number);
} catch (std::system_error const&) {  // without memory for the ring, the socket carries everything
}

void Channel::flush() {
  if (output_.empty()) return;
  bool const fits = ring_ && ring_->has_room(output_.size());
  if (ring_has_turn_ && !fits) {
    ring_->put_switch_to_socket();
    ring_has_turn_ = false;
  } else if (!ring_has_turn_ && fits && ring_->drained()) {
    write(bare_frame(FrameType::ring));
    ring_has_turn_ = true;
  }
  if (!ring_has_turn_) {
    write(output_);
  } else if (ring_->put(output_)) {
    write(bare_frame(FrameType::wake));
  }
  output_.clear();
}

void Channel::write(std::string_view bytes) {
  while (!bytes.empty()) {
    asio::error_code error;
    bytes.remove_prefix(socket_.write_some(asio::buffer(bytes.data(), bytes.size()), error));
    if (error == asio::error::would_block) {
      sleep_until(POLLOUT);
    } else if (error && error != asio::error::interrupted) {
      return;
    }
  }
}

bool Channel::read() {
  constexpr std::size_t wanted = 65536;
  auto const start = Clock::now();
  for (;;) {
    auto const count = receive(input_.prepare(wanted), wanted);
    if (count > 0) {
      input_.commit(static_cast<std::size_t>(count));
      return true;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) return false;
    if (Clock::now() - start > spin_time) {
      sleep_until(POLLIN);
    } else {
      sched_yield();  // to the sender, if there are fewer cores than processes
    }
  }
}

/// Receives as recv() does, and keeps the descriptors that come with the bytes.
long Channel::receive(void* room, std::size_t size) {
  iovec part{room, size};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::array<int, 2>))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  auto const count = recvmsg(socket_.native_handle(), &message, MSG_CMSG_CLOEXEC);
  if (count <= 0 || message.msg_controllen == 0) return count;
  cmsghdr const* const header = CMSG_FIRSTHDR(&message);
  std::array<int, 2> descriptors{};
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof descriptors)) {
    std::memcpy(descriptors.data(), CMSG_DATA(header), sizeof descriptors);
    received_ = {Descriptor{descriptors[0]}, Descriptor{descriptors[1]}};
  }
  return count;
}

/// Asio's own wait() would return at once, since the socket is non-blocking.
void Channel::sleep_until(short event) {
  pollfd entry{.fd = socket_.native_handle(), .events = event, .revents = 0};
  ::poll(&entry, 1, -1);
}

}  // namespace farm::detail
