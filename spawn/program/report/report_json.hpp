#pragma once

#include "spawn/program/report/trace_statistics.hpp"

#include <string>

namespace farm::detail {

/// Returns the facts of `farm report` as one JSON object in one line. Times are in seconds.
[[nodiscard]] std::string report_json(TraceStatistics const& statistics);

}  // namespace farm::detail
