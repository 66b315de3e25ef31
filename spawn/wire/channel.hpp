#pragma once

#include "core/base/descriptor.hpp"
#include "core/task/frame.hpp"
#include "spawn/wire/input_buffer.hpp"
#include "spawn/wire/ring.hpp"
#include "spawn/wire/socket.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace farm::detail {

/// The rank's end of its control stream. Its functions block. The rank uses it between tasks, and during a task only to
/// report progress. Frames go through the ring if the master has offered one and they fit, else through the socket.
class Channel {
 public:
  explicit Channel(Socket socket);
  Channel(Channel const&) = delete;
  Channel& operator=(Channel const&) = delete;

  /// Returns the next frame, which is valid until the next call; nothing at the end of the stream. Flushes before it
  /// waits.
  std::optional<Frame> next();

  /// Returns the bytes to be sent: append frames here, then call flush().
  Bytes& output() { return output_; }
  /// Sends output(). Errors are not reported here: next() then finds the end of the stream.
  void flush();

 private:
  bool read();
  [[nodiscard]] long receive(void* room, std::size_t size);
  void take_ring(std::uint64_t number);
  void write(std::string_view bytes);
  void sleep_until(short event);

  Socket socket_;
  InputBuffer input_;
  std::size_t used_ = 0;
  Bytes output_;
  std::array<Descriptor, 2> received_;  ///< of a ring and its doorbell, until the `ring` frame is handled
  std::optional<RingWriter> ring_;
  bool ring_has_turn_ = false;  ///< the master expects the next frame in the ring
};

}  // namespace farm::detail
