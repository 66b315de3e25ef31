#pragma once

#include "spawn/service/http/server.hpp"
#include "spawn/service/queue/job_queue.hpp"

#include <farm/detail/group_view.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farm::detail {

/// Members of a JSON object: names, and values that are JSON.
using JsonMembers = std::vector<std::pair<std::string, std::string>>;

/// Tells listeners what changes. README.md of the service lists the events.
///
/// Changes are collected, and sent by a thread of the feed's own a quarter of a second after those before at the
/// earliest. The thread sleeps as long as nobody has listened for a minute. So long, events are kept for those who
/// reconnect, but only as many as `most_kept` bytes hold.
class EventFeed {
 public:
  /// Where the feed learns what there is. All are called on the feed's thread.
  struct Sources {
    std::function<std::string(std::uint64_t job)> job{};  ///< JOB; empty: there is no such job any more
    std::function<std::vector<GroupView>()> groups{};
    std::function<JsonMembers()> server{};  ///< what the server tells about itself
  };
  struct Options {
    std::chrono::milliseconds pause{250};  ///< between events
    std::chrono::seconds linger{60};       ///< how long events are kept if nobody listens
    std::size_t most_kept = std::size_t{8} << 20U;
  };

  explicit EventFeed(Sources sources, Options options);
  explicit EventFeed(Sources sources) : EventFeed(std::move(sources), Options{}) {}
  /// No source is called any more. Ends all streams.
  ~EventFeed();
  EventFeed(EventFeed const&) = delete;
  EventFeed& operator=(EventFeed const&) = delete;

  /// Returns what the queue is to tell. It may outlive the feed.
  [[nodiscard]] std::shared_ptr<QueueListener> listener() const;

  /// Sends events to a stream from now on, or from behind `last_event` on, if that is not empty. With a job, only that
  /// job's. Thread-safe.
  void add(std::shared_ptr<http::EventStream> stream, std::string_view last_event, std::optional<std::uint64_t> job);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace farm::detail
