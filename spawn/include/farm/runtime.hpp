#pragma once

#include <memory>

namespace farm {

/// The first thing in main: `farm::Runtime runtime{argc, argv};`
///
/// In the master it initializes MPI, unless that is done, and returns; its destructor ends what the farm started and
/// finalizes MPI, and pools must be gone by then. In a process that was started as a rank it serves tasks and ends the
/// process without returning. Nothing before it may start threads or call MPI, and whatever stands there runs on every
/// rank too.
class Runtime {
 public:
  /// Throws SpawnError where MPI does not support threads, and UsageError for a second one in the process.
  Runtime(int argc, char** argv);
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;
  ~Runtime();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace farm
