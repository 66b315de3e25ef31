#include "spawn/program/doctor/check_mpi.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/program/doctor/check_cores.hpp"
#include "spawn/program/doctor/check_resources.hpp"
#include "spawn/sources/ignored_settings.hpp"
#include "spawn/sources/launched_source.hpp"
#include "spawn/sources/source_choice.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <array>
#include <string>
#include <utility>

namespace farm::detail {
namespace {

using State = Finding::State;

std::string version_of_headers() {
#if defined(OMPI_MAJOR_VERSION)
  return fmt::format("Open MPI v{}.{}.{}", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#elif defined(MPICH_VERSION)
  return "MPICH " MPICH_VERSION;
#else
  return {};
#endif
}

Finding mpi() {
  auto const& library = mpi_library();
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized == 0) return {"MPI", State::ok, library + ", not initialized in this process: groups are launched"};
  int level = 0;
  MPI_Query_thread(&level);
  constexpr std::array names{"MPI_THREAD_SINGLE", "MPI_THREAD_FUNNELED", "MPI_THREAD_SERIALIZED",
                             "MPI_THREAD_MULTIPLE"};
  auto const* const name =
      level >= MPI_THREAD_SINGLE && level <= MPI_THREAD_MULTIPLE ? names[static_cast<std::size_t>(level)] : "?";
  auto const headers = version_of_headers();
  if (!headers.empty() && headers != library) {
    return {"MPI", State::note, fmt::format("{}, {}; built with headers of {}", library, name, headers),
            "rebuild the program"};
  }
  return {"MPI", level == MPI_THREAD_MULTIPLE ? State::ok : State::fail, fmt::format("{}, {}", library, name)};
}

/// What groups this MPI can have.
Finding groups() {
  auto const& traits = mpi_traits();
  auto const* const spawned = !traits.spawns             ? "it cannot spawn groups"
                              : !traits.singleton_spawns ? "groups can be spawned under mpiexec"
                                                         : "groups can be spawned, with and without mpiexec";
  return {"groups", State::ok,
          fmt::format("{}: {}; they can be launched (FARM_SOURCE=launched), or static (mpiexec -n 17)", traits.name,
                      spawned)};
}

Finding slots() {
  auto const& slots = Hub::instance().source().slots();
  if (!slots.limited) return {"slots", State::ok, fmt::format("not limited: {}", slots.origin)};
  auto const text = fmt::format("{} for ranks: {}", slots.total, slots.origin);
  auto const advice = slots.remedy(16);
  if (slots.total < 1) return {"slots", State::fail, text, advice};
  return {"slots", slots.total < 2 ? State::note : State::ok, text, slots.total < 2 ? advice : ""};
}

/// The hosts on which groups are launched, and the command that launches them.
Finding hosts(LaunchedSource const& source) {
  std::string text;
  for (auto const& host : source.hosts().hosts) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", host.name);
    if (source.hosts().limited) text += fmt::format(" ({})", host.slots);
  }
  return {"hosts", State::ok,
          fmt::format("{}: {}; groups by {}", text, source.hosts().origin, LaunchCommand{""}.text())};
}

}  // namespace

Findings check_mpi() {
  Findings findings{mpi(), groups(), slots()};
  char const* subject = "source";
  try {
    auto const& source = Hub::instance().source();
    findings.push_back({"source", State::ok, fmt::format("groups are {}", name_of(source.kind()))});
    if (auto const* const launched = dynamic_cast<LaunchedSource const*>(&source)) findings.push_back(hosts(*launched));
    for (auto const& line : ignored_settings(source.kind(), Ranks::serve))
      findings.push_back({"setting", State::note, line});
    subject = "resources";
    for (auto& finding : check_resources()) findings.push_back(std::move(finding));
    subject = "cores";
    findings.push_back(check_cores());
    findings.push_back(check_threads());
  } catch (std::exception const& error) {
    findings.push_back({subject, State::fail, text_of(error)});
  }
  return findings;
}

}  // namespace farm::detail
