#pragma once

#include <farm/detail/engine.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace farm::detail {

/// What all pools and executors are: the life of an engine. Lazy ranges share the engine, so its end is not the
/// owner's.
class EngineOwner {
 public:
  /// Starts all workers now rather than at the first submissions; blocks until they are ready where `wait`. Throws
  /// SpawnError.
  void bootup(bool wait = true) { engine().bootup(wait); }

  /// No more tasks are taken: ShutdownError. What is queued still runs, or is cancelled where `cancel_futures`; what
  /// runs ends. With `wait` blocks until then and until all workers are gone. May be called more than once.
  void shutdown(bool wait = true, bool cancel_futures = false);

  /// How many tasks of the usual size run at once.
  [[nodiscard]] int num_workers() const;
  [[nodiscard]] Statistics statistics() const { return engine().statistics(); }

 protected:
  /// `name` is that of the class, and `without` what is said of an object that has no engine; both outlive it.
  EngineOwner(std::shared_ptr<Engine> engine, char const* name, char const* without = "was moved from")
      : engine_(std::move(engine)), name_(name), without_(without) {}
  EngineOwner(EngineOwner&& other) noexcept;
  /// What it had is shut down before.
  EngineOwner& operator=(EngineOwner&& other) noexcept;
  ~EngineOwner();

  /// Throws UsageError after a move.
  [[nodiscard]] Engine& engine() const { return *shared_engine(); }
  [[nodiscard]] std::shared_ptr<Engine> const& shared_engine() const;
  /// No more tasks are taken.
  [[nodiscard]] bool closed() const { return closed_; }
  void set_closed() { closed_ = true; }

 private:
  void end() noexcept;

  std::shared_ptr<Engine> engine_;
  char const* name_;
  char const* without_;
  std::atomic<bool> closed_{false};
};

}  // namespace farm::detail
