#include "spawn/engine/task_call.hpp"

#include "core/task/frame.hpp"
#include "spawn/rank/staged_message.hpp"

#include <utility>

namespace farm::detail {

void set_call(Task& task, PackedCall call) {
  auto const settings_size = task.rare ? task.rare->settings.size() : 0;
  if (is_too_large(sizeof(TaskHeader) + settings_size, call.bytes)) {
    auto const handle = stage_message(call.bytes);
    call.bytes = {};
    PackArchive{call.bytes, &call.keepers}(handle);
    task.staged_call = true;
  }
  task.call = std::move(call.bytes);
  task.listens = call.listens;
  task.alone = call.alone;
  if (!call.keepers.empty()) task.make_rare().inputs = std::move(call.keepers);
}

}  // namespace farm::detail
