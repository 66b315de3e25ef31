#include "spawn/program/doctor/check_mpi.hpp"

#include "spawn/hub/hub.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/sources/launched_source.hpp"
#include "spawn/sources/source_choice.hpp"

#include <farm/detail/engine.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

namespace farm::detail {
namespace {

using State = Finding::State;

Finding mpi() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string library{text.data(), static_cast<std::size_t>(length)};
  library.resize(library.find_first_of(",\n") == std::string::npos ? library.size() : library.find_first_of(",\n"));
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized == 0) return {"MPI", State::ok, library + ", not initialized in this process: groups are launched"};
  int level = 0;
  MPI_Query_thread(&level);
  constexpr std::array names{"MPI_THREAD_SINGLE", "MPI_THREAD_FUNNELED", "MPI_THREAD_SERIALIZED",
                             "MPI_THREAD_MULTIPLE"};
  auto const* const name =
      level >= MPI_THREAD_SINGLE && level <= MPI_THREAD_MULTIPLE ? names[static_cast<std::size_t>(level)] : "?";
#ifdef OMPI_MAJOR_VERSION
  auto const headers = fmt::format("Open MPI v{}.{}.{}", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
  if (headers != library) {
    return {"MPI", State::note, fmt::format("{}, {}; built with headers of {}", library, name, headers),
            "rebuild the program"};
  }
#endif
  return {"MPI", level == MPI_THREAD_MULTIPLE ? State::ok : State::fail, fmt::format("{}, {}", library, name)};
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

Finding cores() {
  int const ranks = default_max_ranks();
  // All cores of the host: the master may be bound to some of them, but its ranks are not.
  auto const cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  auto const hosts = host_count();
  auto const each = hosts > 1 ? fmt::format("{} on this host, one of {}", cores, hosts) : fmt::format("{}", cores);
  if (ranks <= cores * hosts) return {"cores", State::ok, fmt::format("{} for {} ranks", each, ranks)};
  return {"cores", State::note,
          fmt::format("{} for {} ranks: oversubscribed, so ranks that wait in MPI yield their core", each, ranks),
          fmt::format("--max-ranks {} gives each rank a core", cores * hosts)};
}

}  // namespace

int host_count() {
  char const* const nodes = getenv("OMPI_MCA_orte_num_nodes");
  return nodes != nullptr ? std::max(1, std::atoi(nodes)) : 1;
}

Findings check_mpi() {
  Findings findings{mpi(), slots()};
  try {
    auto const& source = Hub::instance().source();
    findings.push_back({"source", State::ok, fmt::format("groups are {}", name_of(source.kind()))});
    if (auto const* const launched = dynamic_cast<LaunchedSource const*>(&source)) findings.push_back(hosts(*launched));
    findings.push_back(cores());
  } catch (std::exception const& error) {  // FARM_MAX_WORKERS is not a number
    findings.push_back({"cores", State::fail, error.what()});
  }
  return findings;
}

}  // namespace farm::detail
