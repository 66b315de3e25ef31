#include "spawn/platform/mpi_traits.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <link.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

/// Under mpiexec ranks are not bound to cores: mpiexec would bind all groups of one or two ranks to the same cores.
constexpr std::array all{
    MpiTraits{.family = MpiFamily::open_mpi_4,
              .name = "Open MPI 4",
              .spawns = true,
              .singleton_spawns = true,
              .environment_key = "env",
              .mpiexec_arguments = "--oversubscribe --bind-to none --host {hosts} {exports} -n {ranks} {program}",
              .srun_plugin = "pmix",
              .yield_setting = "OMPI_MCA_mpi_yield_when_idle=1"},
    MpiTraits{.family = MpiFamily::open_mpi_5,
              .name = "Open MPI 5",
              .spawns = true,
              .singleton_spawns = false,
              .environment_key = "PMIX_ENVAR",
              .mpiexec_arguments = prrte_arguments,
              .srun_plugin = "pmix",
              .yield_setting = "OMPI_MCA_mpi_yield_when_idle=1"},
    MpiTraits{.family = MpiFamily::mpich,
              .name = "MPICH",
              .spawns = false,
              .singleton_spawns = false,
              .environment_key = {},
              .mpiexec_arguments = hydra_arguments,
              .srun_plugin = "pmi2",
              .finalizes_after_deaths = false,
              .yield_setting = "MPIR_CVAR_POLLS_BEFORE_YIELD=1"},
    MpiTraits{.family = MpiFamily::other,
              .name = "an MPI that the farm does not know",
              .spawns = true,
              .singleton_spawns = true,
              .environment_key = "env",
              .mpiexec_arguments = "-n {ranks} {program}",
              .srun_plugin = "pmix",
              .yield_setting = {}},
};

MpiFamily find_family() {
  auto const& library = mpi_library();
  if (library.starts_with("MPICH")) return MpiFamily::mpich;
  if (!library.starts_with("Open MPI v")) return MpiFamily::other;
  return library.compare(0, 11, "Open MPI v4") <= 0 && library[11] == '.' ? MpiFamily::open_mpi_4
                                                                          : MpiFamily::open_mpi_5;
}

/// Returns the path of the loaded library whose file name begins so; empty if none does.
std::string loaded_library(std::string_view name) {
  std::pair<std::string_view, std::string> search{name, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t /*size*/, void* data) {
        auto& [wanted, found] = *static_cast<std::pair<std::string_view, std::string>*>(data);
        std::string_view const path{info->dlpi_name};
        if (!path.substr(path.rfind('/') + 1).starts_with(wanted)) return 0;
        found = path;
        return 1;
      },
      &search);
  return search.second;
}

}  // namespace

bool finalize_waits_for_lost_messages() {
  auto const& library = mpi_library();
  auto const version = library.find_first_of("0123456789");
  return uses_mpich() && version != std::string::npos && library.compare(version, 4, "4.0.") == 0;
}

MpiTraits const& mpi_traits() {
  static auto const& found = *std::find_if(
      all.begin(), all.end(), [family = find_family()](auto const& each) { return each.family == family; });
  return found;
}

std::string file_in_path(std::string const& name) {
  char const* const path = getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    auto const end = std::min(rest.find(':'), rest.size());
    auto file = fmt::format("{}/{}", rest.substr(0, end), name);
    if (access(file.c_str(), X_OK) == 0) return file;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

bool uses_mpich() { return mpi_traits().family == MpiFamily::mpich; }

std::string own_mpiexec() {
  auto const file = file_in_path("mpiexec");
  std::error_code error;
  auto const name = std::filesystem::canonical(file, error).filename().string();  // of what Debian's links lead to
  if (file.empty() || error) return "mpiexec";
  auto const has = [&](std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](std::string_view part) { return name.find(part) != std::string::npos; });
  };
  bool const is_of_mpich = has({"hydra", "mpich"});
  bool const is_of_open_mpi = has({"orterun", "prterun", "prte", "openmpi"});
  if (uses_mpich() ? !is_of_open_mpi : !is_of_mpich) return "mpiexec";
  using Names = std::vector<std::string>;
  for (auto const& each :
       uses_mpich() ? Names{"mpiexec.mpich", "mpiexec.hydra"} : Names{"mpiexec.openmpi", "orterun"}) {
    if (!file_in_path(each).empty()) return each;
  }
  return "mpiexec";
}

std::string mixed_mpis() {
  bool const is_open_mpi = mpi_traits().family == MpiFamily::open_mpi_4 || mpi_traits().family == MpiFamily::open_mpi_5;
#if defined(OPEN_MPI)
  constexpr std::string_view headers = "Open MPI";
  bool const fits = !uses_mpich();
#elif defined(MPICH_VERSION)
  constexpr std::string_view headers = "MPICH";
  bool const fits = !is_open_mpi;
#else
  constexpr std::string_view headers = "another MPI";
  bool const fits = true;
#endif
  if (!fits) {
    return fmt::format("this program was built with headers of {}, and runs with the library of {}", headers,
                       mpi_library());
  }
  auto const other = is_open_mpi ? loaded_library("libmpich.so") : uses_mpich() ? loaded_library("libmpi.so.40") : "";
  if (other.empty()) return {};
  return fmt::format("this program uses {}, but has also loaded {}, the library of another MPI", mpi_library(), other);
}

std::string const& mpi_library() {
  static std::string const library = [] {
    // MPI_MAX_LIBRARY_VERSION_STRING is that of the headers; a library of another MPI may write more
    std::array<char, 16384> text{};
    int length = 0;
    MPI_Get_library_version(text.data(), &length);
    std::string all_lines{text.data(), static_cast<std::size_t>(length)};
    auto first_line = all_lines.substr(0, all_lines.find_first_of(",\n"));
    constexpr std::string_view mpich = "MPICH Version:";
    if (first_line.starts_with(mpich)) {
      auto const number = std::min(first_line.find_first_not_of(" \t", mpich.size()), first_line.size());
      first_line = "MPICH " + first_line.substr(number);
    }
    return first_line;
  }();
  return library;
}

}  // namespace farm::detail
