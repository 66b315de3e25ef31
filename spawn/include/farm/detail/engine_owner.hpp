#pragma once

#include <farm/detail/engine.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace farm::detail {

/// The base of all pools and executors: owns an engine and shuts it down. Lazy ranges and batches share the engine,
/// which may outlive its owner.
class EngineOwner {
 public:
  /// Starts all workers now rather than at the first submissions. With `wait`, blocks until each is ready or has failed
  /// to start. Workers whose ranks another pool holds start when that pool no longer needs them. Throws SpawnError if
  /// no worker could be started, BrokenExecutor if the initializer threw, and ShutdownError after shutdown(), also if
  /// another thread calls shutdown() meanwhile.
  void bootup(bool wait = true) { engine().bootup(wait); }

  /// Accepts no more tasks: submissions throw ShutdownError. Queued tasks still run, or are cancelled with
  /// `cancel_futures` (when this returns); running tasks come to their end. With `wait`, blocks until all tasks are
  /// done and all workers are gone. May be called more than once.
  void shutdown(bool wait = true, bool cancel_futures = false);

  /// Returns how many tasks of the pool's ranks_per_task run at once: 0 after shutdown(), and if the initializer threw.
  [[nodiscard]] int num_workers() const;
  /// Returns what has been done so far. Blocks for as long as the hub needs to tell.
  [[nodiscard]] Statistics statistics() const { return engine().statistics(); }

 protected:
  /// Errors use `name`, the name of the class, and `without`, which tells why an object has no engine. Both must
  /// outlive the object.
  EngineOwner(std::shared_ptr<Engine> engine, char const* name, char const* without = "was moved from")
      : engine_(std::move(engine)), name_(name), without_(without) {}
  EngineOwner(EngineOwner&& other) noexcept;
  /// Shuts down the engine that this object had before.
  EngineOwner& operator=(EngineOwner&& other) noexcept;
  ~EngineOwner();

  /// Throws UsageError after a move.
  [[nodiscard]] Engine& engine() const { return *shared_engine(); }
  [[nodiscard]] std::shared_ptr<Engine> const& shared_engine() const;
  /// Returns true after shutdown().
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
