#pragma once

#include <farm/stage_run.hpp>

#include <memory>

namespace farm::detail {

/// The stage of a process that is, or was, a master. It stays open until the Runtime ends, or, without a Runtime, until
/// the process does, so that arrays can be read after their pool has gone.
class StageOwner {
 public:
  [[nodiscard]] static StageOwner& instance();
  StageOwner(StageOwner const&) = delete;
  StageOwner& operator=(StageOwner const&) = delete;
  /// Calls close().
  ~StageOwner() { close(); }

  /// Opens a stage. Does nothing if this process has one, or if no directory can hold one: only who stages arrays needs
  /// it, and is told then.
  void open();
  void close();

 private:
  StageOwner() = default;

  std::unique_ptr<StageRun> run_;
};

}  // namespace farm::detail
