#pragma once

#include "spawn/loop/polled_input.hpp"
#include "spawn/wire/ring.hpp"
#include "spawn/wire/shared_memory.hpp"
#include "spawn/wire/stream.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace farm::detail {

/// All rings of a master, with their doorbell. Used from one thread at a time.
class RingBoard final : public PolledInput {
 public:
  /// Gives the rank at the other end of `stream` a ring if the rank is on this host. Call it before anything is sent on
  /// the stream. If the system lacks memory or descriptors, or all rings are in use, the stream works without a ring.
  void offer(std::shared_ptr<Stream> const& stream);
  /// Releases all streams.
  void clear() { streams_.clear(); }
  bool poll() override;
  [[nodiscard]] bool prepare_to_sleep() override;
  void wake_up() override;

 private:
  [[nodiscard]] std::size_t free_number();

  SharedMemory<Doorbell> bell_;
  std::vector<std::shared_ptr<Stream>> streams_;  ///< by the number of the ring
  std::size_t words_in_use_ = 0;                  ///< of the doorbell
};

}  // namespace farm::detail
