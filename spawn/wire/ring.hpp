#pragma once

#include "spawn/wire/shared_loop.hpp"
#include "spawn/wire/stream.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

/// Frames of a rank to its master through memory that both map: without a system call where the master is awake, and
/// not lost with the rank. spawn/README.md says how ring and socket take turns.
namespace farm::detail {

inline constexpr std::size_t ring_capacity = std::size_t{16} << 10U;  ///< bytes
inline constexpr std::size_t most_rings = 1024;                       ///< of one master

/// Bytes in order, from one process to another.
struct Ring {
  alignas(64) std::atomic<std::uint64_t> written{0};  ///< in all, by the rank
  alignas(64) std::atomic<std::uint64_t> read{0};     ///< in all, by the master
  alignas(64) std::array<char, ring_capacity> bytes;
};

/// By which ranks tell their master that there is something in their rings.
struct Doorbell {
  std::atomic<std::uint32_t> asleep{0};  ///< the master sleeps, or is about to; whoever resets it has to wake it
  alignas(64) std::array<std::atomic<std::uint64_t>, most_rings / 64> rung{};  ///< a bit for each ring
};

/// Memory that this process shares with others.
template <class T>
class Shared {
 public:
  Shared() = default;
  /// New, zeroed; it can be mapped elsewhere while `descriptor()` is open. Throws std::system_error.
  static Shared make();
  /// Takes the descriptor of another process's. Throws std::system_error.
  static Shared take(int descriptor);
  Shared(Shared&& other) noexcept;
  Shared& operator=(Shared&& other) noexcept;
  ~Shared();

  explicit operator bool() const { return memory_ != nullptr; }
  T* operator->() const { return memory_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  void close_descriptor();

 private:
  T* memory_ = nullptr;
  int descriptor_ = -1;
};

/// The rank's end.
class RingWriter {
 public:
  /// `number` is that of the ring at the doorbell.
  RingWriter(Shared<Ring> ring, Shared<Doorbell> bell, std::uint64_t number);

  /// Whether put() may be called with so many bytes.
  [[nodiscard]] bool has_room(std::size_t size) const;
  /// Whole frames. The last that may be put is put_last(), for which there is always room. True: the master sleeps, and
  /// is to be woken by the caller.
  [[nodiscard]] bool put(std::string_view frames);
  /// What follows is in the socket. No more put() until the master has read this, when drained() is true.
  void put_last();
  [[nodiscard]] bool drained() const;

 private:
  void copy(std::string_view bytes);
  [[nodiscard]] bool ring_bell();

  Shared<Ring> ring_;
  Shared<Doorbell> bell_;
  std::size_t word_;
  std::uint64_t bit_;
};

/// The master's end.
class RingReader {
 public:
  explicit RingReader(Shared<Ring> ring) : ring_(std::move(ring)) {}
  /// Moves all that is there to `input`. False: there was nothing. Throws ProtocolError where the ring is damaged.
  bool read(InputBuffer& input);

 private:
  Shared<Ring> ring_;
};

/// The rings of a master. Used from one thread at a time.
class RingBoard final : public Lookout {
 public:
  /// Gives the rank at the other end of a stream a ring, if it is on this host. To be called before anything is sent.
  /// Where the system has no memory or no descriptors, it does without.
  void offer(std::shared_ptr<Stream> const& stream);
  /// Lets go of all streams.
  void clear() { streams_.clear(); }
  bool look() override;
  [[nodiscard]] bool fall_asleep() override;
  void wake_up() override;

 private:
  [[nodiscard]] std::size_t free_number();

  Shared<Doorbell> bell_;
  std::vector<std::shared_ptr<Stream>> streams_;  ///< by number of the ring
  std::size_t words_ = 0;                         ///< of the doorbell that are in use
};

}  // namespace farm::detail
