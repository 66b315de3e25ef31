#pragma once

#include "core/resources/request.hpp"

#include <farm/worker_options.hpp>

namespace farm::detail {

/// Returns true if ranks with these options are bound to cores: neither the options nor FARM_BIND say otherwise. Throws
/// UsageError if FARM_BIND is neither 0 nor 1.
[[nodiscard]] bool binds(WorkerOptions const& options);

/// Adds OMP_NUM_THREADS to the environment of ranks: how many cores each has. Adds nothing if the user has set it, or
/// if the ranks are not bound and the request says nothing about threads.
void add_thread_count(WorkerOptions& options, Request const& request);

}  // namespace farm::detail
