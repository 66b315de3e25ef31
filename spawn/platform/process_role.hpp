#pragma once

namespace farm::detail {

/// Returns true if this process is a rank that belongs to the farm alone: its Runtime serves, and then ends the
/// process.
[[nodiscard]] bool is_rank_process();
void set_rank_process();

}  // namespace farm::detail
