#pragma once

#include <mpi.h>

#include <cstdint>
#include <vector>

namespace farm::detail {

// Open MPI numbers the communicators of a process: a new one gets the lowest number that is free. So the numbers in use
// tell whether tasks leave communicators behind. With another MPI nothing is known of them, and nothing is found.

/// Returns the lowest number that no communicator of this process has; 0 if MPI does not number them.
[[nodiscard]] int lowest_free_comm_number();
/// Returns true if a communicator of this process has this number. Costs some 10 ns.
[[nodiscard]] bool is_comm_number_used(int number);

/// Returns true if this process has so many communicators that tasks may make no more.
[[nodiscard]] bool are_too_many_for_tasks();

/// How many communicators there are: so many that tasks must have left them behind, or so many that MPI has none left.
enum class CommShortage : std::uint8_t { none, leaked, used_up };
[[nodiscard]] CommShortage comm_shortage();

/// Frees the communicators of this process with high numbers, except those in `kept`. Those with low numbers were made
/// early, and programs may hold them for good. Open MPI frees communicators without the other processes. Whoever still
/// holds one of them must not use it any more. This is for ranks that nothing can replace.
void free_leaked_comms(std::vector<MPI_Comm> const& kept);

}  // namespace farm::detail
