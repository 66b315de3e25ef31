#pragma once

#include "core/base/descriptor.hpp"
#include "spawn/guard/shared_page.hpp"

#include <sys/types.h>

/// The guard: the process that a rank was forked from. The launcher watches the guard, so whatever happens to the rank,
/// the launcher sees an orderly end. The guard also holds the lifeline, a stream to the master. README.md says why.
namespace farm::detail {

/// A rank, as its guard sees it.
struct GuardedRank {
  pid_t pid = 0;
  Descriptor control;        ///< delivers the rank's announcement
  Descriptor out;            ///< delivers what the rank prints on stdout
  Descriptor err;            ///< and on stderr
  Descriptor connections{};  ///< where the rank's connections wait while it starts MPI; see held_connections.hpp
  SharedPage* page = nullptr;
};

/// Guards the rank until the rank has ended and the master has its output; then ends the process. Throws if the guard
/// cannot do its work; the caller then kills the rank.
[[noreturn]] void run_guard(GuardedRank rank);

}  // namespace farm::detail
