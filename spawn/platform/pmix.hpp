#pragma once

#include <string>

/// The PMIx library, by which this process talks to the launcher that has started it. It is loaded at run time.
namespace farm::detail {

/// Returns false with FARM_GUARD=0.
[[nodiscard]] bool guards_wanted();

/// Returns true if guards can do their work, that is, if the PMIx library (libpmix.so.2, or what FARM_PMIX_LIBRARY
/// names) can be loaded; else `why` says what is missing.
[[nodiscard]] bool pmix_available(std::string& why);

/// Returns what to do if PMIx is missing, for people.
[[nodiscard]] std::string missing_pmix(std::string const& why);

/// Connects to the launcher's PMIx server as the dead rank, whose environment this process shares, and leaves in its
/// name: the server then counts the rank as properly ended. Gives up after 5 s by ending this process, since the server
/// may be gone. Needed by: Open MPI 4 (ORTE).
void finalize_for_dead_rank();

/// For a master that cannot finalize MPI, since one of its threads never returns from there: takes leave of the
/// launcher, and lets the process end, when it does, without the functions that wait for its libraries.
void leave_without_mpi();

}  // namespace farm::detail
