#pragma once

#include <farm/ranks.hpp>

#include <memory>

namespace farm {

/// Makes this process the master or a rank. The first statement of main: `farm::Runtime runtime{argc, argv};`
///
/// In the master the constructor initializes MPI, unless the program has done so or groups are launched, and returns.
/// The destructor ends what the farm has started and finalizes MPI; pools must be gone by then. In a process that was
/// started as a rank the constructor serves tasks, and ends the process without returning. What stands before it in
/// main runs on every rank, too, with the arguments of the master: it must start no threads, and must not call MPI if
/// groups are spawned or launched.
class Runtime {
 public:
  /// Collective over the job if it has several ranks. Throws SpawnError if MPI does not support threads or if ranks do
  /// not connect, and UsageError if a setting is wrong or the process has a Runtime already.
  Runtime(int argc, char** argv, Ranks ranks = Ranks::serve);
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;
  /// Does nothing in a forked child.
  ~Runtime();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace farm
