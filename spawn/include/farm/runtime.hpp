#pragma once

#include <farm/ranks.hpp>

#include <memory>

namespace farm {

/// The first thing in main: `farm::Runtime runtime{argc, argv};`
///
/// In the master it initializes MPI, unless that is done or groups are launched, and returns; its destructor ends what
/// the farm started and finalizes MPI, and pools must be gone by then. In a process that was started as a rank it
/// serves tasks and ends the process without returning. Nothing before it may start threads or call MPI, and whatever
/// stands there runs on every rank too.
class Runtime {
 public:
  /// Collective over the job where it has several ranks. Throws SpawnError where MPI does not support threads or ranks
  /// do not come, and UsageError for a second one in the process.
  Runtime(int argc, char** argv, Ranks ranks = Ranks::serve);
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;
  ~Runtime();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace farm
