#pragma once

namespace farm::detail {

/// Returns true on a rank, from the start of its Runtime on.
[[nodiscard]] bool is_rank_process();
void set_rank_process();

}  // namespace farm::detail
