#include "spawn/wire/ring.hpp"

#include "core/task/frame.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

/// That of put_last().
constexpr std::size_t reserve = sizeof(FrameHeader);

[[noreturn]] void fail(char const* what) { throw std::system_error(errno, std::generic_category(), what); }

/// With one frame, on a stream that is empty: it goes at once or not at all.
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

template <class T>
Shared<T> Shared<T>::take(int descriptor) {
  Shared shared;
  shared.descriptor_ = descriptor;
  void* const memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) fail("mmap");
  shared.memory_ = static_cast<T*>(memory);
  return shared;
}

template <class T>
Shared<T> Shared<T>::make() {
  int const descriptor = memfd_create("farm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) fail("memfd_create");
  // sealed, since the other end could make it shorter, and this one would die of it
  if (ftruncate(descriptor, sizeof(T)) != 0 || fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    int const number = errno;
    close(descriptor);
    errno = number;
    fail("memfd");
  }
  auto shared = take(descriptor);
  new (shared.memory_) T;
  return shared;
}

template <class T>
Shared<T>::Shared(Shared&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), descriptor_(std::exchange(other.descriptor_, -1)) {}

template <class T>
Shared<T>& Shared<T>::operator=(Shared&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

template <class T>
Shared<T>::~Shared() {
  if (memory_ != nullptr) munmap(memory_, sizeof(T));
  close_descriptor();
}

template <class T>
void Shared<T>::close_descriptor() {
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
}

template class Shared<Ring>;
template class Shared<Doorbell>;

RingWriter::RingWriter(Shared<Ring> ring, Shared<Doorbell> bell, std::uint64_t number)
    : ring_(std::move(ring)),
      bell_(std::move(bell)),
      word_(number % most_rings / 64),
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

/// Whoever finds its bit set need do nothing: the master will look after it has reset that.
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

void RingWriter::put_last() {
  Bytes frame;
  append_frame(frame, FrameType::socket);
  copy(frame);
}

bool RingReader::read(InputBuffer& input) {
  auto const read = ring_->read.load(std::memory_order_relaxed);
  auto const size = ring_->written.load() - read;
  if (size == 0) return false;
  if (size > ring_capacity) throw ProtocolError("its ring is damaged");
  auto const at = static_cast<std::size_t>(read % ring_capacity);
  auto const first = std::min<std::size_t>(size, ring_capacity - at);
  char* const room = input.room(size);
  std::memcpy(room, ring_->bytes.data() + at, first);
  std::memcpy(room + first, ring_->bytes.data(), size - first);
  input.filled(size);
  ring_->read.store(read + size, std::memory_order_release);
  return true;
}

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
  if (number == most_rings) return;
  try {
    if (!bell_) bell_ = Shared<Doorbell>::make();
    auto ring = Shared<Ring>::make();
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
  words_ = (streams_.size() + 63) / 64;
}

bool RingBoard::look() {
  bool any = false;
  for (std::size_t i = 0; i < words_; ++i) {
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

bool RingBoard::fall_asleep() {
  if (words_ == 0) return true;
  bell_->asleep = 1;
  for (std::size_t i = 0; i < words_; ++i) {
    if (bell_->rung[i].load() == 0) continue;
    bell_->asleep = 0;
    return false;
  }
  return true;
}

void RingBoard::wake_up() {
  if (words_ != 0) bell_->asleep = 0;
}

}  // namespace farm::detail
