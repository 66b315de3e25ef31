#include "spawn/hub/stage_owner.hpp"

#include <farm/error.hpp>

namespace farm::detail {

StageOwner& StageOwner::instance() {
  static StageOwner owner;
  return owner;
}

void StageOwner::open() {
  if (current_stage_run() != nullptr) return;
  try {
    run_ = std::make_unique<StageRun>();
  } catch (StageError const&) {
    return;
  }
  set_stage_run(run_.get());
}

void StageOwner::close() {
  if (!run_) return;
  set_stage_run(nullptr);
  run_.reset();
}

}  // namespace farm::detail
