#pragma once

#include "core/task/frame.hpp"
#include "spawn/wire/ring.hpp"
#include "spawn/wire/stream.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace farm::detail {

/// The rank's end of its task stream: blocks, and is used between tasks only, but for telling progress. What it sends
/// goes by a ring where the master has given one, and it fits there.
class Channel {
 public:
  explicit Channel(Socket socket);
  Channel(Channel const&) = delete;
  Channel& operator=(Channel const&) = delete;
  ~Channel();

  /// The next frame, valid until the next call; sends the answers before it waits. None at the end of the stream.
  std::optional<Frame> next();

  Bytes& output() { return output_; }
  /// Sends what is in output(). That the master is gone next() will tell.
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
  std::array<int, 2> descriptors_{-1, -1};  ///< that have come, and belong to no ring yet
  std::optional<RingWriter> ring_;
  bool by_ring_ = false;  ///< the master looks there for the next frame
};

}  // namespace farm::detail
