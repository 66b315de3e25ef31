#pragma once

namespace farm {

/// The command line of the farm program, with the tasks that this program has registered with FARM_TASK: `map`,
/// `tasks`, `doctor`; --help tells more. To be all that main does: a spawned rank serves tasks in here and never
/// returns, the master's return value is the exit status. Makes the Runtime where one is needed. A program that is
/// linked with farm::main and has no main() of its own gets one that does just that.
int run_main(int argc, char** argv);

}  // namespace farm
