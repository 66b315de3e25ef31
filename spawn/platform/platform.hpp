#pragma once

#include <optional>
#include <string>
#include <vector>

/// What the farm does because of how MPI implementations and their launchers behave: each workaround is one function,
/// which says which versions need it. spawn/README.md has the measurements.
namespace farm::detail {

/// A rank stays so long after MPI_Finalize before its process ends. Needed by: PMIx 4.2 (its server does not read from
/// a new client that is given the descriptor of one whose exit it saw before its end-of-file; about 1 spawn in 100 then
/// hangs).
inline constexpr unsigned finalize_linger_us = 50'000;

/// From a rank's death until its guard connects in its name: the server must have read the end-of-file. Needed by: the
/// same.
inline constexpr unsigned rank_death_pause_us = 20'000;

/// Before MPI_Init: without fabric hardware, MPI does not look for it. Looking takes 210 of the 240 ms that a spawn
/// takes. Nothing is changed where the user has chosen an mtl or pml. Needed by: Open MPI 4 with the psm, psm2 and ofi
/// components. Returns whether something was excluded.
bool exclude_absent_fabrics();

/// True where a device of a fabric that psm, psm2 or ofi can drive is there.
[[nodiscard]] bool has_fabric();

/// How the farm has started this process, as FARM_WORKER tells: "spawned", "launched", or empty where it has not.
[[nodiscard]] std::string started_as_worker();

/// True where no launcher has started this process: MPI_Init makes it a job of one.
[[nodiscard]] bool is_singleton();

/// The place of this process in its job, before MPI_Init, as its launcher tells: a size of 0 where it does not.
struct LaunchedAs {
  int rank = 0;
  int size = 0;
  int local_size = 0;  ///< on this host
};
[[nodiscard]] LaunchedAs launched_as();

/// True where the launcher that has started this process has further hosts, on which ranks may be.
[[nodiscard]] bool job_has_other_hosts();

/// Before MPI_Init of a singleton: lets it spawn more ranks than one and outlive them. Needed by: Open MPI 4.
void prepare_singleton();

/// In the master, before it has threads: mpiexec binds a job of one or two ranks to one core each, and all masters of a
/// host to the same. Makes the cores of mpiexec itself this thread's own, and so those of all threads that it starts;
/// nothing where the user has chosen a binding. Returns whether something was changed. Needed by: Open MPI 4.
bool leave_default_binding();

/// Key and value pairs for the MPI_Info of MPI_Comm_spawn. `environment` has lines NAME=value.
/// bind_to=none, as groups would otherwise be bound to the same cores; map_by=slot:OVERSUBSCRIBE, as the slots of an
/// ended group stay taken for 100 ms and a spawn without slots ends the whole job: the farm counts slots itself. Needed
/// by: Open MPI 4.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> spawn_info(std::string const& environment);

/// For the environment of spawned ranks: where ranks outnumber cores, those that wait in MPI yield. Empty or one line.
[[nodiscard]] std::string yield_setting(int ranks);

/// What a launcher that this process starts is to have in its environment: all of this process's own but what tells
/// that a launcher has started it, and how. Needed by: all (mpiexec of Open MPI 4 "does not support recursive calls").
[[nodiscard]] std::vector<std::string> launcher_environment();

/// The file that spawned ranks run: this program. Throws SpawnError where it was rebuilt or removed since it started.
[[nodiscard]] std::string program_to_spawn();

/// Why this process, or its launcher, which is taken to have the same limit (RLIMIT_NOFILE), cannot have the
/// descriptors for so many ranks; empty where they can. The master has 2 for each; mpiexec has 3 (measured). Raises the
/// soft limit where that is enough.
[[nodiscard]] std::string descriptor_shortage(int ranks, bool launcher_too);

/// The files of shared memory by which the ranks of this job on this host talk. After MPI_Init. Their launcher removes
/// what killed ranks leave of them, unless it was killed, too. Needed by: Open MPI (vader, sm).
[[nodiscard]] std::vector<std::string> mpi_shared_memory();

/// Those that this thread may use.
[[nodiscard]] int core_count();

}  // namespace farm::detail
