#include "core/base/settings.hpp"

#include "core/text/nearest_word.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::array table{
    SettingInfo{Setting::max_workers, "FARM_MAX_WORKERS", "number", "all slots, else the cores",
                "ranks of a pool whose options do not say how many"},
    SettingInfo{Setting::source, "FARM_SOURCE", "spawned, static, launched or automatic", "automatic",
                "where groups of ranks come from"},
    SettingInfo{Setting::launcher, "FARM_LAUNCHER", "command", "srun in a Slurm job, else mpiexec",
                "what starts launched groups: mpiexec, srun, flux, or a command with {ranks} and {program} in it"},
    SettingInfo{Setting::hosts, "FARM_HOSTS", "list", "the Slurm job's, else this host",
                "hosts of launched groups and their slots, as a:4,b:4"},
    SettingInfo{Setting::hostfile, "FARM_HOSTFILE", "file", "none",
                "file of those hosts, one a line, as a slots=4; FARM_HOSTS takes precedence"},
    SettingInfo{Setting::address, "FARM_ADDRESS", "address or host name", "all addresses of this host",
                "where ranks on other hosts reach the master"},
    SettingInfo{Setting::heartbeat, "FARM_HEARTBEAT", "seconds", "20",
                "how long another host may be silent before it is given up: 2 or more, 0 for ever"},
    SettingInfo{Setting::stage_dir, "FARM_STAGE_DIR", "directory", "TMPDIR, else /tmp",
                "where large arrays lie; all hosts must share it"},
    SettingInfo{Setting::keep_stage, "FARM_KEEP_STAGE", "0 or 1", "0", "1: the files of arrays stay after the run"},
    SettingInfo{Setting::checksum, "FARM_CHECKSUM", "0 or 1", "1", "0: arrays are written and read without checksums"},
    SettingInfo{Setting::trace, "FARM_TRACE", "file", "none",
                "what happens, when and where, is written to this file, for Perfetto and farm report"},
    SettingInfo{Setting::guard, "FARM_GUARD", "0 or 1", "1",
                "0: ranks have no guard process, for debuggers; a rank that dies then ends the job"},
    SettingInfo{Setting::pmix_library, "FARM_PMIX_LIBRARY", "file", "libpmix.so.2",
                "the PMIx library that guards load"},
    SettingInfo{Setting::verbose, "FARM_VERBOSE", "0 or 1", "0",
                "1: shows the commands that launch groups, and all that these commands print"},
    SettingInfo{Setting::resources, "FARM_RESOURCES", "list", "what this host is found to have",
                "what each host has, and named resources of the run, as gpus=4 memory=64GiB cores=16 licence=2"},
    SettingInfo{Setting::bind, "FARM_BIND", "0 or 1", "1", "0: ranks are not bound to cores"},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].setting) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "the table's rows stand in the order of the enumeration");

/// Variables that the farm itself sets for the processes that it starts.
constexpr std::array internal{"FARM_WORKER", "FARM_BIRTH", "FARM_OUTPUT", "FARM_PEER", "FARM_GUARD_DESCRIPTORS"};

struct Option {
  std::string name;
  std::string value;
};

std::array<std::optional<Option>, table.size()>& options() {
  static std::array<std::optional<Option>, table.size()> all;
  return all;
}

std::optional<Option> const& option_of(Setting which) { return options()[static_cast<std::size_t>(which)]; }

SettingInfo const& info_of(Setting which) { return table[static_cast<std::size_t>(which)]; }

}  // namespace

std::span<SettingInfo const> settings_table() { return table; }

std::string variable_of(Setting which) { return std::string{info_of(which).name}; }

std::string environment_variable(char const* name) {
  char const* const value = getenv(name);
  return value != nullptr ? value : "";
}

std::string setting(Setting which) {
  if (auto const& option = option_of(which)) return option->value;
  return environment_variable(info_of(which).name.data());  // a literal: it ends with a zero
}

std::string setting_name(Setting which) {
  auto const& option = option_of(which);
  return option ? option->name : std::string{info_of(which).name};
}

bool setting_switch(Setting which, bool default_value) {
  auto const value = setting(which);
  if (value.empty()) return default_value;
  if (value == "0" || value == "1") return value == "1";
  throw UsageError(fmt::format("{} is \"{}\": 0 or 1 is expected", setting_name(which), value));
}

std::optional<int> setting_number(Setting which, int least, int most, std::string_view expected) {
  auto const text = setting(which);
  if (text.empty()) return std::nullopt;
  int value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    throw UsageError(fmt::format("{} is \"{}\": {} is expected", setting_name(which), text, expected));
  return value;
}

void set_option(Setting which, std::string value, std::string_view option) {
  options()[static_cast<std::size_t>(which)] = Option{std::string{option}, std::move(value)};
}

std::vector<std::string> unknown_settings() {
  constexpr std::string_view prefix = "FARM_";  // all names have it, so it must not count as likeness
  std::vector<std::string> known;
  known.reserve(table.size());
  for (auto const& row : table) known.emplace_back(row.name.substr(prefix.size()));
  auto const is_known = [&](std::string_view name) {
    if (name.starts_with("FARM_TEST_")) return true;
    for (std::string_view const each : internal) {
      if (name == each) return true;
    }
    return std::any_of(table.begin(), table.end(), [&](SettingInfo const& row) { return row.name == name; });
  };
  std::vector<std::string> lines;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view const line{*entry};
    auto const name = line.substr(0, line.find('='));
    if (!name.starts_with(prefix) || is_known(name)) continue;
    auto const meant = nearest_word(name.substr(prefix.size()), known);
    lines.push_back(
        meant.empty()
            ? fmt::format("the variable {} is unknown, and ignored; farm doctor --settings lists the known "
                          "ones",
                          name)
            : fmt::format("the variable {} is unknown, and ignored: did you mean {}{}?", name, prefix, meant));
  }
  return lines;
}

std::optional<int> heartbeat_setting() {
  constexpr int longest = 30'000;  // the kernel's limit
  if (setting(Setting::heartbeat) == "0") return 0;
  return setting_number(Setting::heartbeat, 2, longest,
                        fmt::format("a number of seconds from 2 to {}, or 0,", longest));
}

bool is_verbose() { return setting_switch(Setting::verbose, false); }

std::vector<std::string> invalid_settings() {
  std::vector<std::string> lines;
  auto const check = [&](auto read) {
    try {
      static_cast<void>(read());
    } catch (UsageError const& error) {
      lines.emplace_back(error.what());
    }
  };
  check([] { return setting_number(Setting::max_workers, 1, 1 << 30, "a number above 0"); });
  check([] { return heartbeat_setting(); });
  for (auto const which : {Setting::keep_stage, Setting::checksum, Setting::guard, Setting::verbose, Setting::bind})
    check([which] { return setting_switch(which, false); });
  return lines;
}

void check_settings() {
  auto const lines = invalid_settings();
  if (!lines.empty()) throw UsageError(fmt::format("{}", fmt::join(lines, "; ")));
}

}  // namespace farm::detail
