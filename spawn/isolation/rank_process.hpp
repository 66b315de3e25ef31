#pragma once

#include <cstdint>

namespace farm::detail {

/// Whose process a rank is. This decides what the farm may do with the process.
enum class RankProcess : std::uint8_t {
  of_group,    ///< It ends with its group. A new group has new processes.
  of_run,      ///< A static rank: it serves group after group, and nothing replaces it.
  of_session,  ///< A process of the user's program, which serves for a while.
  of_master,   ///< The master, which runs tasks on a thread beside the user's program.
};

}  // namespace farm::detail
