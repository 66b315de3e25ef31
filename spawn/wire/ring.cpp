#include "spawn/wire/ring.hpp"

#include "core/task/frame.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace farm::detail {
namespace {

/// Bytes kept free so that put_switch_to_socket() always has room.
constexpr std::size_t reserve = sizeof(FrameHeader);

}  // namespace

RingWriter::RingWriter(SharedMemory<Ring> ring, SharedMemory<Doorbell> bell, std::uint64_t number)
    : ring_(std::move(ring)),
      bell_(std::move(bell)),
      word_(number % max_rings / 64),
      bit_(std::uint64_t{1} << (number % 64)) {
  ring_.close_descriptor();
  bell_.close_descriptor();
}

bool RingWriter::has_room(std::size_t size) const {
  auto const used = ring_->written.load(std::memory_order_relaxed) - ring_->read.load(std::memory_order_acquire);
  return size + reserve <= ring_capacity - used;
}

bool RingWriter::drained() const {
  return ring_->written.load(std::memory_order_relaxed) == ring_->read.load(std::memory_order_acquire);
}

void RingWriter::copy(std::string_view bytes) {
  auto const written = ring_->written.load(std::memory_order_relaxed);
  auto const at = static_cast<std::size_t>(written % ring_capacity);
  auto const first = std::min(bytes.size(), ring_capacity - at);
  std::memcpy(ring_->bytes.data() + at, bytes.data(), first);
  std::memcpy(ring_->bytes.data(), bytes.data() + first, bytes.size() - first);
  ring_->written.store(written + bytes.size());
}

/// If the bit is set already, nothing more is needed: the master reads the ring after it has reset the bit.
bool RingWriter::ring_bell() {
  auto& word = bell_->rung[word_];
  if ((word.load() & bit_) != 0) return false;
  word.fetch_or(bit_);
  return bell_->asleep.load() != 0 && bell_->asleep.exchange(0) != 0;
}

bool RingWriter::put(std::string_view frames) {
  copy(frames);
  return ring_bell();
}

void RingWriter::put_switch_to_socket() {
  Bytes frame;
  append_frame(frame, FrameType::socket);
  copy(frame);
}

bool RingReader::read(InputBuffer& input) {
  auto const read = ring_->read.load(std::memory_order_relaxed);
  auto const size = ring_->written.load() - read;
  if (size == 0) return false;
  if (size > ring_capacity) throw ProtocolError("the rank has damaged its ring");
  auto const at = static_cast<std::size_t>(read % ring_capacity);
  auto const first = std::min<std::size_t>(size, ring_capacity - at);
  char* const room = input.prepare(size);
  std::memcpy(room, ring_->bytes.data() + at, first);
  std::memcpy(room + first, ring_->bytes.data(), size - first);
  input.commit(size);
  ring_->read.store(read + size, std::memory_order_release);
  return true;
}

}  // namespace farm::detail
