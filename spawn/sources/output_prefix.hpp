#pragma once

#include <farm/worker_options.hpp>

#include <string>

namespace farm::detail {

/// Returns what the paths of a new pool's output files begin with; empty: the pool has none. In each run, the first
/// pool with an output directory gets the plain names there, and the Nth gets names that begin with "pool-N.".
/// If a run that has not ended uses the directory, all names begin with "run-HOST-PROCESS." and the first pool logs so.
/// The directory stays locked (flock) until this process ends. Thread-safe.
[[nodiscard]] std::string claim_output_prefix(WorkerOptions const& workers);

}  // namespace farm::detail
