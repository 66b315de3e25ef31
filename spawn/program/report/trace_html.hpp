#pragma once

#include "spawn/program/report/trace_statistics.hpp"

#include <string>

namespace farm::detail {

/// Returns the facts of `farm report` as a page of HTML in one file, without scripts. `source` names the trace.
[[nodiscard]] std::string trace_html(TraceStatistics const& statistics, std::string const& source);

}  // namespace farm::detail
