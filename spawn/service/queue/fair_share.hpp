#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace farm::detail {

class QueuedJob;

/// The jobs that may have a task to run, in the order in which they get one: higher priority first; among equals the
/// one that has had the least of the ranks' time. A job that comes anew, or back, begins where the others are, so it
/// neither waits for them nor makes up for the time when it asked for nothing.
class FairShare {
 public:
  /// Adds the job unless it is in. Call it again after its priority has changed, with remove() before.
  void add(QueuedJob& job);
  void remove(QueuedJob& job);
  /// Returns the job that is next; null if there is none.
  [[nodiscard]] QueuedJob* next() const;
  /// The next job has got a task that takes about so many seconds of ranks.
  void charge(QueuedJob& job, double rank_seconds);

 private:
  using Order = std::set<std::pair<double, QueuedJob*>>;

  std::map<int, Order, std::greater<>> jobs_;  ///< by priority, then by virtual time
  std::map<int, double> clocks_;               ///< by priority: the virtual time of the last task that was given
};

}  // namespace farm::detail
