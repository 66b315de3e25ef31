#include "spawn/program/doctor/check_resources.hpp"

#include "core/base/settings.hpp"
#include "core/resources/memory_text.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/resources/host_resources.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace farm::detail {
namespace {

using State = Finding::State;

std::string text_of(Capacity const& capacity) {
  auto text = capacity.cores ? fmt::format("{} core{}", *capacity.cores, *capacity.cores == 1 ? "" : "s")
                             : std::string{"an unknown number of cores"};
  text += capacity.memory ? fmt::format(", {} of memory", memory_text(*capacity.memory)) : ", memory is not known";
  return text + fmt::format(", {} gpu{}", capacity.gpus, capacity.gpus == 1 ? "" : "s");
}

}  // namespace

Findings check_resources() {
  Findings findings;
  auto const told = told_resources();
  bool const is_told = told.cores || told.gpus || told.memory;
  for (auto const& [name, capacity] : Hub::instance().source().resources()) {
    findings.push_back({"resources", State::ok,
                        fmt::format("{} has {}{}", name, text_of(capacity),
                                    is_told ? fmt::format(" ({})", setting_name(Setting::resources)) : "")});
  }
  std::string named;
  for (auto const& each : told.named)
    named += fmt::format("{}{}={}", named.empty() ? "" : ", ", each.name, each.amount);
  if (!named.empty()) findings.push_back({"resources", State::ok, "the run has " + named});
  return findings;
}

}  // namespace farm::detail
