#include "spawn/sources/ignored_settings.hpp"

#include "core/base/settings.hpp"
#include "spawn/sources/source_choice.hpp"

#include <fmt/format.h>

namespace farm::detail {
namespace {

/// Returns why this run launches no groups, and how to have it launch groups.
std::string why_not_launched(Source source, Ranks ranks) {
  if (ranks == Ranks::take_part) {
    return "the program takes part with all ranks of its job (farm::Ranks::take_part), and launches none; unset {0}";
  }
  if (source == Source::static_ranks) {
    return "groups are formed of the ranks that the program was started with, and only launched groups use it; start "
           "the "
           "program as one process with FARM_SOURCE=launched, or unset {0}";
  }
  return "groups are spawned, and only launched groups use it; set FARM_SOURCE=launched, or unset {0}";
}

}  // namespace

std::vector<std::string> ignored_settings(Source source, Ranks ranks) {
  std::vector<std::string> lines;
  auto const add = [&](Setting which, std::string const& why) {
    auto const name = setting_name(which);
    lines.push_back(fmt::format("{} has no effect: {}", name, fmt::format(fmt::runtime(why), name)));
  };
  if (source != Source::launched) {
    for (auto const which : {Setting::launcher, Setting::hosts, Setting::hostfile}) {
      if (is_set(which)) add(which, why_not_launched(source, ranks));
    }
  }
  auto const wanted = setting(Setting::source);
  if (!wanted.empty() && wanted != name_of(Source::automatic) && wanted != name_of(source)) {
    add(Setting::source, fmt::format("the program itself has chosen {}; unset {{0}}",
                                     ranks == Ranks::launch ? "launched groups (farm::Ranks::launch)"
                                                            : "to take part with all ranks (farm::Ranks::take_part)"));
  }
  return lines;
}

}  // namespace farm::detail
