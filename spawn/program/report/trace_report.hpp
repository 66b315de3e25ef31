#pragma once

#include "spawn/program/report/trace_summary.hpp"

#include <string>

namespace farm::detail {

/// Returns the text of `farm report`: how many tasks ended how, the times of tasks, the shares of the ranks' time, the
/// groups, and the staged arrays.
[[nodiscard]] std::string report_text(TraceSummary const& summary);

}  // namespace farm::detail
