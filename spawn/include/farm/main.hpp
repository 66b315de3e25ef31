#pragma once

namespace farm {

/// Runs the command line of the farm program, with the tasks that this program registered with FARM_TASK. The
/// subcommands are `map`, `tasks`, `doctor` and `report`; --help describes them.
///
/// Call it as the whole body of main(): on a rank it serves tasks and never returns; on the master it returns the exit
/// status. It makes the Runtime itself if the subcommand needs one. Errors are one line on the standard error: status 2
/// if the command line is wrong, status 1 for everything else. A program that links farm::main and has no main() of its
/// own gets a main() that calls this function.
int run_main(int argc, char** argv);

}  // namespace farm
