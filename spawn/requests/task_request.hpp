#pragma once

#include "core/resources/request.hpp"
#include "spawn/resources/host_resources.hpp"

#include <farm/options.hpp>
#include <farm/worker_options.hpp>

#include <vector>

namespace farm::detail {

/// Returns what a task of so many ranks needs: what its options say, else what those of its pool say. Throws UsageError
/// if a number is negative or too large, or if a name cannot be that of a resource.
[[nodiscard]] Request request_of(TaskOptions const& task, int ranks, WorkerOptions const& pool);

/// Throws UsageError if no host has what one rank needs, or if all hosts together do not have what the task needs. The
/// error says which host has how much, and names the nearest of the named resources of the run.
void check_request(Request const& request, std::vector<HostResources> const& hosts,
                   std::vector<NamedAmount> const& named);

}  // namespace farm::detail
