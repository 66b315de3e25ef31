#include "spawn/hub/stage_owner.hpp"

#include "core/base/settings.hpp"
#include "spawn/environment/launched_as.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>

namespace farm::detail {

StageOwner& StageOwner::instance() {
  static StageOwner owner;
  return owner;
}

void StageOwner::open() {
  if (current_stage_run() != nullptr) return;
  try {
    run_ = std::make_unique<StageRun>();
  } catch (StageError const& error) {  // a program without arrays needs no directory
    if (is_set(Setting::stage_dir) && launched_as().rank <= 0) {
      auto const directory = find_stage_directory().path;
      auto const why = why_unusable(directory);
      log_error(
          fmt::format("{}: {}; arrays cannot be staged", setting_name(Setting::stage_dir),
                      why.empty() ? error.what() : fmt::format("{} cannot be used: {}", directory.string(), why)));
    }
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
