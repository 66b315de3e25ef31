#include "spawn/rank_settings/kept_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace farm::detail {

KeptDirectory::KeptDirectory() : before_(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

KeptDirectory::~KeptDirectory() {
  // A directory that cannot be entered any more is noticed after the task, when the state of the process is restored.
  if (before_) static_cast<void>(fchdir(before_.get()) == 0);
}

}  // namespace farm::detail
