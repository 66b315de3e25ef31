#include "spawn/wire/ring_board.hpp"

#include "core/task/frame.hpp"

#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

/// Sends the descriptors with one frame. The stream must be empty: the frame is sent at once or not at all.
bool send_descriptors(int socket, std::string_view frame, std::array<int, 2> const& descriptors) {
  iovec part{const_cast<char*>(frame.data()), frame.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof descriptors);
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(frame.size());
}

}  // namespace

std::size_t RingBoard::free_number() {
  std::size_t number = streams_.size();
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (streams_[i] && !streams_[i]->open()) streams_[i].reset();
    if (!streams_[i]) number = i;
  }
  return number;
}

void RingBoard::offer(std::shared_ptr<Stream> const& stream) {
  if (!stream->is_local()) return;
  auto const number = free_number();
  if (number == max_rings) return;
  try {
    if (!bell_) bell_ = SharedMemory<Doorbell>::make();
    auto ring = SharedMemory<Ring>::make();
    Bytes frame;
    append_frame(frame, FrameType::ring, number);
    if (!send_descriptors(stream->descriptor(), frame, {ring.descriptor(), bell_.descriptor()})) return;
    ring.close_descriptor();
    stream->set_ring(std::make_unique<RingReader>(std::move(ring)));
  } catch (std::system_error const&) {
    return;
  }
  streams_.resize(std::max(streams_.size(), number + 1));
  streams_[number] = stream;
  words_in_use_ = (streams_.size() + 63) / 64;
}

bool RingBoard::poll() {
  bool any = false;
  for (std::size_t i = 0; i < words_in_use_; ++i) {
    auto& word = bell_->rung[i];
    if (word.load(std::memory_order_relaxed) == 0) continue;
    for (auto rung = word.exchange(0); rung != 0; rung &= rung - 1) {
      auto const number = 64 * i + static_cast<std::size_t>(std::countr_zero(rung));
      if (number >= streams_.size()) break;
      if (auto const stream = streams_[number]) any = stream->look() || any;
    }
  }
  return any;
}

bool RingBoard::prepare_to_sleep() {
  if (words_in_use_ == 0) return true;
  bell_->asleep = 1;
  for (std::size_t i = 0; i < words_in_use_; ++i) {
    if (bell_->rung[i].load() == 0) continue;
    bell_->asleep = 0;
    return false;
  }
  return true;
}

void RingBoard::wake_up() {
  if (words_in_use_ != 0) bell_->asleep = 0;
}

}  // namespace farm::detail
