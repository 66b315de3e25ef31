#pragma once

#include "spawn/program/report/trace_statistics.hpp"

#include <string>
#include <string_view>

namespace farm::detail {

/// Returns the text of `farm report`: how many tasks ended how, a table of functions, the slowest tasks, the times of
/// tasks, tables of hosts, groups and ranks, a timeline, the shares of the ranks' time, and the staged arrays.
[[nodiscard]] std::string report_text(TraceStatistics const& statistics);

/// The words of the report. Times are microseconds.
[[nodiscard]] std::string duration_text(double us);
[[nodiscard]] std::string rank_time_text(double us);  ///< of a sum over ranks
[[nodiscard]] std::string_view text_of(TracedOutcome outcome);

}  // namespace farm::detail
