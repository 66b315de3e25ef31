#pragma once

#include <farm/error.hpp>
#include <farm/stage_run.hpp>

#include <memory>

namespace farm::detail {

/// The stage of a process that is, or was, a master: arrays can be read until its Runtime ends, or else the process.
class StageOwner {
 public:
  [[nodiscard]] static StageOwner& instance() {
    static StageOwner owner;
    return owner;
  }
  StageOwner(StageOwner const&) = delete;
  StageOwner& operator=(StageOwner const&) = delete;
  ~StageOwner() { close(); }

  /// Nothing where this process has a stage already, or where there is no place for one, which concerns only who stages
  /// arrays and is told then.
  void open() {
    if (current_stage_run() != nullptr) return;
    try {
      run_ = std::make_unique<StageRun>();
    } catch (StageError const&) {
      return;
    }
    set_stage_run(run_.get());
  }

  void close() {
    if (!run_) return;
    set_stage_run(nullptr);
    run_.reset();
  }

 private:
  StageOwner() = default;

  std::unique_ptr<StageRun> run_;
};

}  // namespace farm::detail
