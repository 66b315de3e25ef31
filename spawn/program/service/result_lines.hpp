#pragma once

#include "spawn/service/client/requests.hpp"

#include <cstdint>
#include <string>

namespace farm::detail {

/// Prints the results of the tasks that have ended, in their order: one line for each, on the standard output; errors
/// on the standard error. With `json`, the records of the server, and nothing on the standard error.
void print_results(Requests& requests, std::uint64_t job, bool json);

/// Returns the line for people of a task that failed: "input 2, 3: task 5.1, rank 1 on node7: type: text".
[[nodiscard]] std::string failure_text(std::uint64_t job, ResultReply const& result);

}  // namespace farm::detail
