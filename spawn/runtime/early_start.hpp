#pragma once

#include "spawn/join/join_info.hpp"

/// What a rank does before main: it gets its guard, its environment and its working directory.
namespace farm::detail {

/// Does nothing. The Runtime calls it so that the linker includes the function that runs before main.
void keep_early_start_linked();

/// Gives this process the environment and the working directory of its group. For a rank that could not read its join
/// file before main. Throws SpawnError.
void apply_settings(JoinInfo const& join_info);

}  // namespace farm::detail
