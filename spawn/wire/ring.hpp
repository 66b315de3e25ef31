#pragma once

#include "spawn/wire/input_buffer.hpp"
#include "spawn/wire/shared_memory.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// Rings: a rank on the master's host sends its frames through memory that both map. If the master is awake, this takes
/// no system call, and what is in the ring is not lost when the rank dies. README.md describes how ring and socket take
/// turns.
namespace farm::detail {

inline constexpr std::size_t ring_capacity = std::size_t{16} << 10U;  ///< bytes
inline constexpr std::size_t max_rings = 1024;                        ///< of one master

/// A queue of bytes with one writer, the rank, and one reader, the master.
struct Ring {
  alignas(64) std::atomic<std::uint64_t> written{0};  ///< bytes that the rank has written, in total
  alignas(64) std::atomic<std::uint64_t> read{0};     ///< bytes that the master has read, in total
  alignas(64) std::array<char, ring_capacity> bytes;
};

/// Tells a master which of its rings have content; all its ranks on this host map it.
struct Doorbell {
  /// 1 while the master sleeps or is about to. Whoever resets it must wake the master.
  std::atomic<std::uint32_t> asleep{0};
  alignas(64) std::array<std::atomic<std::uint64_t>, max_rings / 64> rung{};  ///< one bit for each ring
};

/// The rank's end of a ring.
class RingWriter {
 public:
  /// `number` is the ring's bit in the doorbell.
  RingWriter(SharedMemory<Ring> ring, SharedMemory<Doorbell> bell, std::uint64_t number);

  /// Returns true if put() may be called with `size` bytes.
  [[nodiscard]] bool has_room(std::size_t size) const;
  /// Writes whole frames and rings the bell. Returns true if the master sleeps; the caller must then wake it.
  [[nodiscard]] bool put(std::string_view frames);
  /// Writes the frame that says that the next frames are in the socket; there is always room for it. Do not call put()
  /// again before drained() returns true.
  void put_switch_to_socket();
  /// Returns true if the master has read everything.
  [[nodiscard]] bool drained() const;

 private:
  void copy(std::string_view bytes);
  [[nodiscard]] bool ring_bell();

  SharedMemory<Ring> ring_;
  SharedMemory<Doorbell> bell_;
  std::size_t word_;
  std::uint64_t bit_;
};

/// The master's end of a ring.
class RingReader {
 public:
  explicit RingReader(SharedMemory<Ring> ring) : ring_(std::move(ring)) {}
  /// Moves all content to `input`. Returns false if there was none. Throws ProtocolError if the ring is damaged.
  bool read(InputBuffer& input);

 private:
  SharedMemory<Ring> ring_;
};

}  // namespace farm::detail
