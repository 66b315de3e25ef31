#include "spawn/launch/hosts.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <sys/wait.h>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  auto const begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Returns the number that the text is, if the number is above 0.
std::optional<int> number_in(std::string_view text) {
  int value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const good = error == std::errc{} && end == text.data() + text.size() && value > 0;
  return good ? std::optional{value} : std::nullopt;
}

void add_host(std::vector<HostSlots>& hosts, std::string_view name, std::string_view slots, std::string const& where) {
  auto const bad = [](char c) { return blanks.find(c) != std::string_view::npos || c == '=' || c == '/'; };
  if (name.empty() || name.front() == '-' || std::any_of(name.begin(), name.end(), bad)) {
    throw UsageError(fmt::format("{}: \"{}\" is not the name of a host", where, name));
  }
  auto const count = slots.empty() ? std::optional{1} : number_in(slots);
  if (!count) throw UsageError(fmt::format("{}: {} slots for {}: a number above 0 is expected", where, slots, name));
  for (auto& each : hosts) {
    if (each.name == name) {
      each.slots += *count;
      return;
    }
  }
  hosts.push_back({std::string{name}, *count});
}

/// Returns what a command prints; nothing if the command fails or prints nothing.
std::optional<std::string> output_of(std::string const& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> const pipe{popen(command.c_str(), "re"), &pclose};
  if (!pipe) return std::nullopt;
  std::string text;
  char part[4096];
  for (std::size_t count = 0; (count = std::fread(part, 1, sizeof part, pipe.get())) != 0;) text.append(part, count);
  return text.empty() ? std::nullopt : std::optional{text};
}

std::vector<HostSlots> hosts_of_slurm() {
  auto const list = environment_variable("SLURM_JOB_NODELIST");
  bool const harmless =
      list.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,_-[]") ==
      std::string::npos;
  auto const names = harmless ? output_of(fmt::format("scontrol show hostnames '{}' 2>/dev/null", list)) : std::nullopt;
  if (!names) {
    throw SpawnError(
        fmt::format("scontrol does not tell the hosts of SLURM_JOB_NODELIST={}: name the hosts with FARM_HOSTS", list));
  }
  // within a step, SLURM_NTASKS is that of the step, which may have one process only
  bool const by_tasks = environment_variable("SLURM_STEP_ID").empty() &&
                        !environment_variable("SLURM_NTASKS").empty() &&
                        !environment_variable("SLURM_TASKS_PER_NODE").empty();
  auto const* const name = by_tasks ? "SLURM_TASKS_PER_NODE" : "SLURM_JOB_CPUS_PER_NODE";
  auto const counts = parse_counts(environment_variable(name), name);
  auto const cores_each = by_tasks ? 1 : number_in(environment_variable("SLURM_CPUS_PER_TASK")).value_or(1);
  std::vector<HostSlots> hosts;
  std::string_view rest{*names};
  for (std::size_t i = 0; !rest.empty(); ++i) {
    auto const end = std::min(rest.find('\n'), rest.size());
    if (i >= counts.size())
      throw SpawnError(fmt::format("{}={} has fewer hosts than {}", name, environment_variable(name), list));
    hosts.push_back({std::string{rest.substr(0, end)}, std::max(counts[i] / cores_each, 1)});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return hosts;
}

bool is_among(std::string const& name, std::vector<std::string> const& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string to_text(Placement const& placement) {
  std::string text;
  for (auto const& share : placement) text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", share.host, share.ranks);
  return text;
}

std::vector<HostSlots> parse_hosts(std::string const& text, std::string const& where) {
  std::vector<HostSlots> hosts;
  std::string_view rest{text};
  for (;;) {
    auto const comma = std::min(rest.find(','), rest.size());
    auto const entry = trimmed(rest.substr(0, comma));
    auto const colon = std::min(entry.find(':'), entry.size());
    bool const numbered = colon < entry.size();
    if (numbered && colon + 1 == entry.size()) {
      throw UsageError(fmt::format("{}: \"{}\" has no number after its colon", where, entry));
    }
    add_host(hosts, entry.substr(0, colon), numbered ? entry.substr(colon + 1) : "", where);
    if (comma == rest.size()) return hosts;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<HostSlots> read_hostfile(std::string const& path) {
  std::ifstream file{path};
  if (!file) throw UsageError(fmt::format("the hostfile {} cannot be read", path));
  std::vector<HostSlots> hosts;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    auto const where = fmt::format("{}:{}", path, ++number);
    auto text = trimmed(std::string_view{line}.substr(0, line.find('#')));
    if (text.empty()) continue;
    auto const name_end = std::min(text.find_first_of(" \t:"), text.size());
    auto const name = text.substr(0, name_end);
    std::string_view slots;
    if (name_end < text.size() && text[name_end] == ':') {
      slots = text.substr(name_end + 1);
    } else if (auto const at = text.find("slots="); at != std::string_view::npos) {
      slots = text.substr(at + 6);
      slots = slots.substr(0, slots.find_first_of(blanks));
    }
    add_host(hosts, name, slots, where);
  }
  if (hosts.empty()) throw UsageError(fmt::format("the hostfile {} names no host", path));
  return hosts;
}

std::vector<int> parse_counts(std::string const& text, std::string const& where) {
  std::vector<int> counts;
  auto const bad = [&] { return SpawnError(fmt::format("{}={} cannot be understood", where, text)); };
  std::string_view rest{text};
  for (;;) {
    auto const comma = std::min(rest.find(','), rest.size());
    auto const entry = rest.substr(0, comma);
    auto const open = std::min(entry.find("(x"), entry.size());
    auto const count = number_in(entry.substr(0, open));
    std::optional<int> times = 1;
    if (open < entry.size()) {
      if (!entry.ends_with(')')) throw bad();
      times = number_in(entry.substr(open + 2, entry.size() - open - 3));
    }
    if (!count || !times || *times > 1'000'000) throw bad();
    counts.insert(counts.end(), static_cast<std::size_t>(*times), *count);
    if (comma == rest.size()) return counts;
    rest.remove_prefix(comma + 1);
  }
}

HostList find_hosts() {
  if (auto const text = setting(Setting::hosts); !text.empty()) {
    return {.hosts = parse_hosts(text, setting_name(Setting::hosts)),
            .limited = true,
            .origin = setting_name(Setting::hosts),
            .remedy = "add slots in " + setting_name(Setting::hosts)};
  }
  if (auto const path = setting(Setting::hostfile); !path.empty()) {
    return {.hosts = read_hostfile(path),
            .limited = true,
            .origin = fmt::format("the hostfile {}", path),
            .remedy = fmt::format("add slots in {}", path)};
  }
  if (!environment_variable("SLURM_JOB_NODELIST").empty()) {
    return {.hosts = hosts_of_slurm(),
            .limited = true,
            .origin = fmt::format("Slurm job {}", environment_variable("SLURM_JOB_ID")),
            .remedy = "ask Slurm for more with -n"};
  }
  return {
      .hosts = {{"localhost", 1}}, .limited = false, .origin = "this host, since nothing names others", .remedy = {}};
}

bool is_this_host(std::string const& name) {
  auto const own = host_name();
  auto const short_name = [](std::string const& full) { return full.substr(0, full.find('.')); };
  bool const is_address = name.find_first_not_of("0123456789.") == std::string::npos;
  return name == "localhost" || name.starts_with("127.") || name == own ||
         (!is_address && short_name(name) == short_name(own));
}

SlotMap::SlotMap(HostList list) : list_(std::move(list)) {
  for (auto const& host : list_.hosts) entries_.push_back({.name = host.name, .slots = host.slots});
}

std::vector<SlotMap::Entry*> SlotMap::usable(std::vector<std::string> const& only) {
  std::vector<Entry*> found;
  for (auto& entry : entries_) {
    if (!entry.lost && (only.empty() || is_among(entry.name, only))) found.push_back(&entry);
  }
  return found;
}

int SlotMap::total(std::vector<std::string> const& only) const {
  int sum = 0;
  for (auto const& entry : entries_) {
    if (!entry.lost && (only.empty() || is_among(entry.name, only))) sum += entry.slots;
  }
  return sum;
}

bool SlotMap::has_room(int ranks, std::vector<std::string> const& only) const {
  if (!list_.limited) return true;
  int free = 0;
  for (auto const& entry : entries_) {
    if (!entry.lost && (only.empty() || is_among(entry.name, only))) free += entry.slots - entry.taken;
  }
  return free >= ranks;
}

Placement SlotMap::take(int ranks, std::vector<std::string> const& only) {
  auto found = usable(only);
  auto const free = [](Entry const* entry) { return entry->slots - entry->taken; };
  std::stable_sort(found.begin(), found.end(), [&](auto const* a, auto const* b) { return free(a) < free(b); });
  Placement placement;
  auto const put = [&](Entry& entry, int count) {
    entry.taken += count;
    placement.push_back({entry.name, count});
  };
  if (!list_.limited) {
    put(*found.front(), ranks);
    return placement;
  }
  for (auto* const entry : found) {
    if (free(entry) < ranks) continue;
    put(*entry, ranks);
    return placement;
  }
  for (auto it = found.rbegin(); it != found.rend() && ranks > 0; ++it) {
    int const count = std::min(free(*it), ranks);
    if (count <= 0) break;
    put(**it, count);
    ranks -= count;
  }
  return placement;
}

void SlotMap::give_back(Placement const& placement) {
  for (auto const& share : placement) {
    for (auto& entry : entries_) {
      if (entry.name == share.host) entry.taken -= share.ranks;
    }
  }
}

bool SlotMap::lose(std::string const& host) {
  auto const found = std::find_if(entries_.begin(), entries_.end(), [&](Entry const& each) {
    return each.name == host || each.name.substr(0, each.name.find('.')) == host;
  });
  return found != entries_.end() && !std::exchange(found->lost, true);
}

std::vector<std::string> SlotMap::lost() const {
  std::vector<std::string> names;
  for (auto const& entry : entries_) {
    if (entry.lost) names.push_back(entry.name);
  }
  return names;
}

bool SlotMap::knows(std::string const& host) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](Entry const& each) { return each.name == host; });
}

}  // namespace farm::detail
