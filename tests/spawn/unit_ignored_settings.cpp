#include "spawn/sources/ignored_settings.hpp"

#include "tests/spawn/scoped_environment.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

using farm::Ranks;
using farm::Source;
using farm::detail::ignored_settings;

namespace {

std::vector<std::string> ignored(std::map<std::string, std::optional<std::string>> const& wanted, Source source,
                                 Ranks ranks = Ranks::serve) {
  std::map<std::string, std::optional<std::string>> variables{
      {"FARM_SOURCE", {}}, {"FARM_HOSTS", {}}, {"FARM_HOSTFILE", {}}, {"FARM_LAUNCHER", {}}};
  for (auto const& [name, value] : wanted) variables[name] = value;
  ScopedEnvironment const environment{variables};
  return ignored_settings(source, ranks);
}

}  // namespace

TEST_CASE("hosts, hostfiles and launchers have no effect unless groups are launched") {
  for (auto const* const name : {"FARM_HOSTS", "FARM_HOSTFILE", "FARM_LAUNCHER"}) {
    CAPTURE(name);
    CHECK(ignored({{name, "a"}}, Source::launched).empty());
    CHECK(ignored({{name, ""}}, Source::spawned).empty());
    auto const spawned = ignored({{name, "a"}}, Source::spawned);
    REQUIRE(spawned.size() == 1);
    CHECK(spawned[0] == std::string{name} +
                            " has no effect: groups are spawned, and only launched groups use it; set "
                            "FARM_SOURCE=launched, or unset " +
                            name);
    auto const formed = ignored({{name, "a"}}, Source::static_ranks);
    REQUIRE(formed.size() == 1);
    CHECK_THAT(formed[0], contains("start the program as one process with FARM_SOURCE=launched"));
    auto const taking_part = ignored({{name, "a"}}, Source::static_ranks, Ranks::take_part);
    REQUIRE(taking_part.size() == 1);
    CHECK_THAT(taking_part[0], contains("farm::Ranks::take_part"));
  }
  CHECK(ignored({{"FARM_HOSTS", "a"}, {"FARM_LAUNCHER", "mpiexec"}}, Source::spawned).size() == 2);
}

TEST_CASE("FARM_SOURCE has no effect if the program itself has chosen another source") {
  auto const launches = ignored({{"FARM_SOURCE", "spawned"}}, Source::launched, Ranks::launch);
  REQUIRE(launches.size() == 1);
  CHECK(launches[0] ==
        "FARM_SOURCE has no effect: the program itself has chosen launched groups (farm::Ranks::launch); unset "
        "FARM_SOURCE");
  CHECK(ignored({{"FARM_SOURCE", "launched"}}, Source::launched, Ranks::launch).empty());
  CHECK(ignored({{"FARM_SOURCE", "automatic"}}, Source::launched, Ranks::launch).empty());
  CHECK(ignored({{"FARM_SOURCE", "launched"}}, Source::static_ranks, Ranks::take_part).size() == 1);
  CHECK(ignored({{"FARM_SOURCE", "static"}}, Source::static_ranks, Ranks::take_part).empty());
}
