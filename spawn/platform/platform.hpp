#pragma once

#include <sys/types.h>
#include <optional>
#include <string>
#include <vector>

/// Workarounds for the behaviour of MPI implementations and their launchers. Each is one function or constant, which
/// says what needs it. README.md has the measurements.
namespace farm::detail {

/// How long a rank's process stays after MPI_Finalize. Needed by: PMIx 4.2. If its server sees the exit of a client
/// before the client's end-of-file, the server does not read from the next client that gets the same descriptor.
/// Without the delay, about 1 spawn in 100 hangs.
inline constexpr unsigned finalize_linger_us = 50'000;

/// How long a guard waits after its rank's death before it connects to the PMIx server in the rank's name: the server
/// must have read the end-of-file first. Needed by: PMIx 4.2.
inline constexpr unsigned rank_death_pause_us = 20'000;

/// Makes MPI skip the search for fabric hardware if there is none: searching takes 210 of the 240 ms of a spawn.
/// Changes nothing if the user has chosen an mtl or a pml. Call it before MPI_Init. Returns true if components were
/// excluded. Needed by: Open MPI 4 with the psm, psm2 and ofi components.
bool exclude_absent_fabrics();

/// Sets what MPI needs before MPI_Init, in a master and thereby in its ranks, unless the user has chosen otherwise.
/// Needed by: Open MPI 5 and MPICH, whose UCX prints a backtrace for each SIGSEGV and takes SIGHUP for itself.
void prepare_mpi();

/// Makes MPI use no other interface than the loopback during MPI_Init, if all ranks of this job are on one host and the
/// user has not chosen interfaces. Needed by: Open MPI 5. Its TCP transport prints errors about interfaces that lead
/// nowhere, such as point-to-point ones, although the ranks talk through shared memory.
class LoopbackOnly {
 public:
  LoopbackOnly();
  LoopbackOnly(LoopbackOnly const&) = delete;
  LoopbackOnly& operator=(LoopbackOnly const&) = delete;
  ~LoopbackOnly();

 private:
  bool is_set_ = false;  // programs that this process starts may be on other hosts: they do not inherit it
};

/// Returns true if this host has a device of a fabric that psm, psm2 or ofi can drive.
[[nodiscard]] bool has_fabric();

/// Returns how the farm has started this process: "spawned" or "launched"; empty if the farm has not started it.
[[nodiscard]] std::string started_as_worker();

/// Returns the number of the process of the mpiexec, mpirun, orterun or prterun that has started this process; 0 if
/// there is none on this host.
[[nodiscard]] pid_t launcher_process();

/// Returns the command line of the mpiexec, mpirun, orterun or prterun that has started this process; empty if there is
/// none on this host.
[[nodiscard]] std::vector<std::string> launcher_command_line();

/// Allows a singleton to spawn more than one rank and to survive their deaths. Call it before MPI_Init. Needed by: Open
/// MPI 4.
void prepare_singleton();

/// Undoes mpiexec's default binding of the master. mpiexec binds a job of one or two ranks to one core each, and all
/// masters of a host to the same cores. This gives mpiexec's own cores to the calling thread, and so to the threads
/// that it starts later; call it before the master has threads. Changes nothing if the user has chosen a binding.
/// Returns true if the binding was changed. Needed by: Open MPI 4.
bool leave_default_binding();

/// Returns keys and values for the MPI_Info of MPI_Comm_spawn.
/// bind_to=none: otherwise, several groups would be bound to the same cores. map_by=slot:OVERSUBSCRIBE: the slots of an
/// ended group stay taken for 100 ms, and a spawn without slots ends the whole job, so the farm counts slots itself.
/// Needed by: Open MPI 4 and 5.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> spawn_info();

/// Returns a line for the environment of spawned ranks that makes ranks yield the core while they wait in MPI; empty if
/// `ranks` do not outnumber the cores (core_count()).
[[nodiscard]] std::string yield_setting(int ranks);

/// Returns the path of this program, which spawned ranks run. Throws SpawnError if the file was rebuilt or removed
/// since this process started.
[[nodiscard]] std::string program_to_spawn();

/// Returns why RLIMIT_NOFILE does not allow `ranks` ranks; empty if it does. The master needs 2 descriptors for each
/// rank; mpiexec needs 3 (measured), and is assumed to have the limit that this process started with. Raises this
/// process's soft limit if that suffices.
[[nodiscard]] std::string descriptor_shortage(int ranks, bool launcher_too);

/// Returns the shared memory files through which the ranks of this job on this host communicate. Call it after
/// MPI_Init. Killed ranks leave such files; their launcher removes them, unless it was killed, too. Needed by: Open MPI
/// (vader, sm).
[[nodiscard]] std::vector<std::string> mpi_shared_memory();

}  // namespace farm::detail
