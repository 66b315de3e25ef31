#pragma once

#include "spawn/wire/stream.hpp"

#include <memory>
#include <vector>

namespace farm::detail {

/// The streams that have new output. The loop flushes them once after each batch of handlers, so that frames of several
/// handlers leave in one system call. A concrete class, since each task that is sent comes by here.
class FlushList {
 public:
  /// Adds a stream whose output() has grown. A stream may be added more than once.
  void add(std::shared_ptr<Stream> const& stream) { streams_.push_back(stream); }

  /// Flushes all streams that were added. Handlers that this calls may add further ones, which the next call flushes.
  void flush() {
    if (streams_.empty()) return;
    flushing_.swap(streams_);
    for (auto const& stream : flushing_) stream->flush();
    flushing_.clear();
  }

 private:
  std::vector<std::shared_ptr<Stream>> streams_;
  std::vector<std::shared_ptr<Stream>> flushing_;  ///< empty but in flush(): its memory serves again
};

}  // namespace farm::detail
