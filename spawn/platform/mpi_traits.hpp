#pragma once

#include <string>
#include <string_view>

/// What differs between MPI implementations and their versions.
namespace farm::detail {

enum class MpiFamily { open_mpi_4, open_mpi_5, mpich, other };

/// One line of the table of implementations. The implementation is found at run time, from the library that is loaded.
struct MpiTraits {
  MpiFamily family{};
  std::string_view name;
  bool spawns = false;                 ///< MPI_Comm_spawn works under mpiexec
  bool singleton_spawns = false;       ///< MPI_Comm_spawn works in a program that no launcher has started
  std::string_view environment_key;    ///< of the MPI_Info with lines NAME=value for spawned ranks
  std::string_view mpiexec_arguments;  ///< for a launched group: a template as in LaunchCommand
  std::string_view srun_plugin;        ///< by which srun tells the ranks of each other: --mpi=pmix
  bool finalizes_after_deaths = true;  ///< MPI_Finalize returns even if ranks of MPI_COMM_WORLD have died
  std::string_view yield_setting;      ///< NAME=value: ranks that wait leave their core to others; empty: none
};

/// The arguments of PRRTE's launchers for a launched group: a template as in LaunchCommand.
inline constexpr std::string_view prrte_arguments =
    "--map-by :OVERSUBSCRIBE --bind-to none --host {hosts} {exports} -n {ranks} {program}";

/// The same for Hydra, MPICH's mpiexec. Hydra gives the ranks its whole environment, also those on other hosts.
inline constexpr std::string_view hydra_arguments = "-bind-to none -hosts {hosts} -n {ranks} {program}";

/// Returns the line of the MPI that this process uses. May be called before MPI_Init.
[[nodiscard]] MpiTraits const& mpi_traits();

/// Returns true if MPI_Finalize waits for ever once a task has sent a large message that nobody received. Needed by:
/// MPICH 4.0.
[[nodiscard]] bool finalize_waits_for_lost_messages();

/// Returns true if this process uses MPICH: its launchers speak PMI, and not PMIx.
[[nodiscard]] bool uses_mpich();

/// Returns the name of the mpiexec of this process's MPI: mpiexec. If mpiexec in PATH is that of another MPI, since
/// both are installed, returns the name that Debian gives to the right one, such as mpiexec.mpich.
[[nodiscard]] std::string own_mpiexec();

/// Returns the path by which a shell finds the program; empty if it finds none.
[[nodiscard]] std::string file_in_path(std::string const& name);

/// Returns what is wrong if this process has two MPIs: its headers are those of one and its library is that of the
/// other, or the libraries of both are loaded. Empty: nothing is wrong.
[[nodiscard]] std::string mixed_mpis();

/// Returns the name and version of the MPI library, such as "Open MPI v5.0.7" or "MPICH 4.0.2". May be called before
/// MPI_Init.
[[nodiscard]] std::string const& mpi_library();

}  // namespace farm::detail
