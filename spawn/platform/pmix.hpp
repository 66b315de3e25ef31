#pragma once

#include <string>

/// The PMIx library, through which a process talks to its launcher. It is loaded at run time.
namespace farm::detail {

/// Returns false with FARM_GUARD=0.
[[nodiscard]] bool guards_wanted();

/// Returns true if the PMIx library, which guards need, can be loaded: libpmix.so.2, or the file that FARM_PMIX_LIBRARY
/// names. Otherwise, sets `why` to the loader's error.
[[nodiscard]] bool pmix_available(std::string& why);

/// Returns a message for users that says what to do if PMIx is missing; `why` is from pmix_available().
[[nodiscard]] std::string missing_pmix(std::string const& why);

/// Connects to the launcher's PMIx server in the name of the dead rank, whose environment this process shares, and
/// finalizes: the server then takes the rank as ended properly. If the server does not answer within 5 s, this process
/// ends. Needed by: Open MPI 4 (ORTE).
void finalize_for_dead_rank();

/// Called by a master that cannot finalize MPI, since one of its threads never returns from an MPI function.
/// Disconnects from the launcher's PMIx server, and makes exit() skip the exit functions of libraries, which would wait
/// for MPI.
void leave_without_mpi();

}  // namespace farm::detail
