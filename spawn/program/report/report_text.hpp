#pragma once

#include "spawn/program/report/trace_statistics.hpp"

#include <string>

namespace farm::detail {

/// Returns the text of `farm report`: how many tasks ended how, a table of functions, the slowest tasks, the times of
/// tasks, tables of hosts, groups and ranks, a timeline, the shares of the ranks' time, and the staged arrays.
[[nodiscard]] std::string report_text(TraceStatistics const& statistics);

}  // namespace farm::detail
