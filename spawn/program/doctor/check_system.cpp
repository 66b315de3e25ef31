#include "spawn/program/doctor/check_system.hpp"

#include "core/base/settings.hpp"
#include "io/hdf5/hdf5_info.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/resources/host_resources.hpp"

#include <farm/error.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>

#include <dlfcn.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace farm::detail {
namespace {

using State = Finding::State;

Finding user() {
  if (geteuid() != 0) return {"user", State::ok, "not root"};
  if (uses_mpich()) return {"user", State::ok, "root, as which MPICH's mpiexec runs"};
  if (!environment_variable("OMPI_ALLOW_RUN_AS_ROOT").empty() &&
      !environment_variable("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM").empty()) {
    return {"user", State::ok, "root, which the environment allows for mpiexec"};
  }
  return {"user", State::note, "root: mpiexec refuses to run",
          "set OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"};
}

Finding launcher() {
  bool const slurm = !environment_variable("SLURM_JOB_ID").empty();
  auto const where = slurm ? fmt::format(", in Slurm job {}", environment_variable("SLURM_JOB_ID")) : std::string{};
  if (!is_singleton()) {
    if (launched_as().by_mpiexec) {
      return {"launcher", State::ok, (launched_as().by_hydra ? "mpiexec of MPICH" : "mpiexec") + where};
    }
    if (slurm) {
      return {"launcher", State::ok, "srun" + where};
    }
    return {"launcher", State::note, "unknown, with PMI or PMIx"};
  }
  if (slurm) return {"launcher", State::ok, "none" + where};
  return {"launcher", State::ok, "none: the program was started by itself, and its ranks run on this host"};
}

Finding fabric() {
  if (uses_mpich()) return {"fabric", State::ok, "MPICH chooses its network: UCX or libfabric"};
  for (auto const* const name : {"OMPI_MCA_mtl", "OMPI_MCA_pml"}) {
    if (auto const value = environment_variable(name); !value.empty()) {
      return {"fabric", State::ok, fmt::format("{}={} is set, and the farm keeps it", name, value)};
    }
  }
  if (has_fabric()) return {"fabric", State::ok, "a device was found: MPI chooses how to use it"};
  return {"fabric", State::ok, "no device: MPI does not look for PSM and PSM2, which saves 0.2 s per spawn"};
}

Finding guards() {
  if (guards_wanted()) return {"guards", State::ok, "on: a rank that dies costs its own task only"};
  return {"guards", State::note, "off: a rank that dies ends the whole job", "unset FARM_GUARD"};
}

/// Returns the version of the library that pmix_available() has loaded.
std::string pmix_version() {
  auto const named = setting(Setting::pmix_library);
  void* const library = dlopen(named.empty() ? "libpmix.so.2" : named.c_str(), RTLD_LAZY);
  if (library == nullptr) return {};
  std::string text;
  if (auto const version = reinterpret_cast<char const* (*)()>(dlsym(library, "PMIx_Get_version"))) text = version();
  dlclose(library);
  return text.substr(0, text.find(" ("));  // the rest are versions of standards
}

Finding pmix() {
  if (uses_mpich()) return {"PMIx library", State::ok, "not needed: MPICH's launchers do not speak PMIx"};
  std::string why;
  if (pmix_available(why)) {
    auto const origin = is_set(Setting::pmix_library) ? fmt::format(" ({}={})", setting_name(Setting::pmix_library),
                                                                    setting(Setting::pmix_library))
                                                      : std::string{};
    return {"PMIx library", State::ok, fmt::format("found: {}{}", pmix_version(), origin)};
  }
  return {"PMIx library", guards_wanted() ? State::fail : State::note, why,
          is_set(Setting::pmix_library)
              ? "correct or unset FARM_PMIX_LIBRARY"
              : "install PMIx (Debian: libpmix2), or name its library with FARM_PMIX_LIBRARY"};
}

Finding hdf5() {
  auto const info = hdf5_info();
  auto const text = fmt::format("{} {}", info.parallel ? "parallel" : "serial", info.library);
  if (!info.parallel)
    return {"HDF5", State::fail, text, "build with a parallel HDF5 (Debian: libhdf5-openmpi-dev or libhdf5-mpich-dev)"};
  if (info.library != info.headers) {
    return {"HDF5", State::fail, fmt::format("{}, but built with headers of {}", text, info.headers),
            "rebuild the program"};
  }
  return {"HDF5", State::ok, text + ", headers of the same version"};
}

Finding stage() {
  auto const stage = find_stage_directory();
  auto const name = fmt::format("{} ({})", stage.path.string(), stage.origin);
  if (auto const why = why_unusable(stage.path); !why.empty()) {
    return {"stage directory", State::fail, fmt::format("{}: {}", name, why),
            fmt::format("name another directory with {}", stage_option())};
  }
  auto const gib = static_cast<double>(free_bytes(stage.path)) / (1 << 30);
  auto const text = fmt::format("{}: writable, {}, {:.1f} GiB free", name, file_system_of(stage.path), gib);
  return {"stage directory", gib < 1 ? State::note : State::ok, text,
          gib < 1 ? fmt::format("name a directory with more space with {}", stage_option()) : ""};
}

Finding descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  constexpr rlim_t own = 64;  // used by the master itself and by MPI
  auto const ranks = limit.rlim_cur > own ? (limit.rlim_cur - own) / 2 : 0;
  if (ranks < 2)
    return {"descriptors", State::fail,
            fmt::format("{}: too few for two ranks, and MPI_Init would crash", limit.rlim_cur), "raise ulimit -n"};
  bool const few = ranks < 256;
  return {"descriptors", few ? State::note : State::ok,
          limit.rlim_cur == RLIM_INFINITY ? "unlimited" : fmt::format("{}: enough for {} ranks", limit.rlim_cur, ranks),
          few ? "raise ulimit -n" : ""};
}

/// Adds the settings that are set, unless another finding is about them, and the variables that look like misspelt
/// settings.
void add_settings(Findings& findings) {
  for (auto const& row : settings_table()) {
    if (!is_set(row.setting) || row.setting == Setting::pmix_library || row.setting == Setting::stage_dir) continue;
    findings.push_back(
        {"setting", State::ok, fmt::format("{}={}: {}", setting_name(row.setting), setting(row.setting), row.meaning)});
  }
  for (auto const& line : unknown_settings())
    findings.push_back({"setting", State::note, line, "correct or unset the variable"});
}

}  // namespace

std::string stage_option() {
  return is_set(Setting::stage_dir) ? setting_name(Setting::stage_dir) : std::string{"--stage or FARM_STAGE_DIR"};
}

Findings check_setting_values() {
  Findings findings;
  for (auto const& line : invalid_settings()) findings.push_back({"setting", State::fail, line});
  try {
    static_cast<void>(told_resources());
  } catch (UsageError const& error) {
    findings.push_back({"setting", State::fail, error.what()});
  }
  return findings;
}

Findings check_system() {
  Findings findings{user(), launcher(), fabric(), guards(), pmix(), hdf5(), stage(), descriptors()};
  add_settings(findings);
  return findings;
}

}  // namespace farm::detail
