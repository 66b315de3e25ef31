#include "spawn/hosts/host_lists.hpp"

#include "core/text/byte_order_mark.hpp"
#include "spawn/hosts/host_range.hpp"
#include "spawn/hosts/number_in.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string_view>

namespace farm::detail {
namespace {

constexpr std::string_view blanks = " \t\r\v\f";

std::string_view trimmed(std::string_view text) {
  auto const begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

void add_host(std::vector<HostSlots>& hosts, std::string const& name, int slots) {
  auto const known = std::find_if(hosts.begin(), hosts.end(), [&](HostSlots const& each) { return each.name == name; });
  if (known == hosts.end()) {
    hosts.push_back({name, slots});
  } else {
    known->slots += slots;
  }
}

/// Adds the hosts of one entry. `names` may have ranges in brackets; `slots` is empty if the entry has no number.
void add_hosts(std::vector<HostSlots>& hosts, std::string_view names, std::string_view slots,
               std::string const& where) {
  auto const expanded = expand_host_ranges(names);
  bool const bad = names.front() == '-' || names.find_first_of(" \t\r=/,\"'\\") < names.find('[');
  if (!expanded || bad) throw UsageError(fmt::format("{}: \"{}\" is not the name of a host", where, names));
  auto const count = slots.empty() ? std::optional{1} : number_in(slots);
  if (!count) throw UsageError(fmt::format("{}: {} slots for {}: a number above 0 is expected", where, slots, names));
  for (auto const& name : *expanded) add_host(hosts, name, *count);
}

/// Returns the place of the colon before the number of "host:4"; the end of the text if there is none.
std::size_t colon_in(std::string_view text) { return std::min(text.rfind(':'), text.size()); }

/// The next "name", "name=value" or "name = value" of a line.
struct Word {
  std::string_view name;
  std::optional<std::string_view> value;
};

Word take_word(std::string_view& rest) {
  rest = trimmed(rest);
  Word word;
  auto end = std::min(rest.find_first_of(std::string{blanks} + "="), rest.size());
  word.name = rest.substr(0, end);
  rest = trimmed(rest.substr(end));
  if (!rest.starts_with('=')) return word;
  rest = trimmed(rest.substr(1));
  end = std::min(rest.find_first_of(blanks), rest.size());
  word.value = rest.substr(0, end);
  rest = trimmed(rest.substr(end));
  return word;
}

void add_line(std::vector<HostSlots>& hosts, std::string_view rest, std::string const& where) {
  auto const name_end = std::min(rest.find_first_of(blanks), rest.size());
  auto const first = rest.substr(0, name_end);
  rest = trimmed(rest.substr(name_end));
  auto const colon = colon_in(first);
  auto slots = std::string_view{};
  if (colon < first.size()) {
    slots = first.substr(colon + 1);
    if (slots.empty()) throw UsageError(fmt::format("{}: \"{}\" has no number after its colon", where, first));
  }
  constexpr std::array counts{"slots", "cpu", "count"};                       // Open MPI has all three
  constexpr std::array ignored{"max_slots", "max-slots", "binding", "ifhn"};  // the last two are MPICH's
  auto const is_one_of = [](auto const& names, std::string_view name) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view each) { return each == name; });
  };
  while (!rest.empty()) {
    auto const word = take_word(rest);
    if (word.value && is_one_of(counts, word.name)) {
      slots = word.value->empty() ? "no" : *word.value;
    } else if (!word.value || !is_one_of(ignored, word.name)) {
      throw UsageError(
          fmt::format("{}: \"{}\" is not understood after the host {}: write one host a line, as {} slots=4", where,
                      word.name, first.substr(0, colon), first.substr(0, colon)));
    }
  }
  add_hosts(hosts, first.substr(0, colon), slots, where);
}

}  // namespace

std::vector<HostSlots> parse_hosts(std::string const& text, std::string const& where) {
  std::vector<HostSlots> hosts;
  std::string_view rest{text};
  for (;;) {
    std::size_t comma = 0;
    for (int depth = 0; comma < rest.size() && (rest[comma] != ',' || depth > 0); ++comma) {
      depth += rest[comma] == '[' ? 1 : rest[comma] == ']' ? -1 : 0;
    }
    auto const entry = trimmed(rest.substr(0, comma));
    auto const colon = colon_in(entry);
    if (colon < entry.size() && colon + 1 == entry.size()) {
      throw UsageError(fmt::format("{}: \"{}\" has no number after its colon", where, entry));
    }
    auto const name = entry.substr(0, colon);
    if (name.empty()) throw UsageError(fmt::format("{}: \"{}\" is not the name of a host", where, entry));
    add_hosts(hosts, name, colon < entry.size() ? entry.substr(colon + 1) : "", where);
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
    if (++number == 1) remove_byte_order_mark(line);
    auto const text = trimmed(std::string_view{line}.substr(0, line.find('#')));
    auto const where = fmt::format("{}:{}", path, number);
    if (text.starts_with(':') || text.starts_with('=')) {
      throw UsageError(fmt::format("{}: \"{}\" is not the name of a host", where, text));
    }
    if (!text.empty()) add_line(hosts, text, where);
  }
  if (file.bad()) throw UsageError(fmt::format("the hostfile {} cannot be read", path));  // a directory
  if (hosts.empty()) throw UsageError(fmt::format("the hostfile {} names no host", path));
  return hosts;
}

}  // namespace farm::detail
