#include "core/resources/resource_list.hpp"

#include "core/resources/memory_text.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <set>
#include <system_error>

namespace farm::detail {
namespace {

constexpr std::array reserved{"ranks", "threads", "cores", "gpus", "memory"};

struct Item {
  std::string name;
  std::string value;
};

Item read_item(std::string_view text, std::string_view where) {
  auto const equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size())
    throw UsageError(fmt::format("{}: \"{}\" is not of the form NAME=VALUE", where, text));
  return {std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)}};
}

std::int64_t read_count(Item const& item, std::int64_t least, std::int64_t most, std::string_view where) {
  std::int64_t value = 0;
  auto const& text = item.value;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && !text.starts_with('-')) value = most;
  bool const is_number = error != std::errc::invalid_argument && end == text.data() + text.size();
  if (!is_number || value < least)
    throw UsageError(fmt::format("{}: {} is \"{}\": a number {} is expected", where, item.name, text,
                                 least == 0 ? "that is not negative" : "above 0"));
  if (error != std::errc{} || value > most)
    throw UsageError(fmt::format("{}: {} is \"{}\", which is too large", where, item.name, text));
  return value;
}

std::int64_t read_size(Item const& item, std::string_view where) {
  auto const bytes = read_memory(item.value);
  if (!bytes || *bytes == 0)
    throw UsageError(
        fmt::format("{}: {} is \"{}\": a size such as 512MiB or 2GiB is expected", where, item.name, item.value));
  return *bytes;
}

}  // namespace

void check_resource_name(std::string_view name, std::string_view where) {
  bool const is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (!is_name) throw UsageError(fmt::format("{}: \"{}\" is not the name of a resource", where, name));
  bool const is_reserved =
      std::any_of(reserved.begin(), reserved.end(), [&](std::string_view each) { return each == name; });
  if (is_reserved) throw UsageError(fmt::format("{}: {} has an option of its own", where, name));
}

ToldResources read_resources(std::string_view text, std::string_view where) {
  constexpr auto most_of_host = std::numeric_limits<std::int32_t>::max();
  ToldResources told;
  std::set<std::string> seen;
  while (!text.empty()) {
    auto const end = std::min(text.find_first_of(" ,\t"), text.size());
    auto const word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    auto const item = read_item(word, where);
    if (!seen.insert(item.name).second) throw UsageError(fmt::format("{}: {} is given twice", where, item.name));
    if (item.name == "cores") {
      told.cores = static_cast<std::int32_t>(read_count(item, 1, most_of_host, where));
    } else if (item.name == "gpus") {
      told.gpus = static_cast<std::int32_t>(read_count(item, 0, most_of_host, where));
    } else if (item.name == "memory") {
      told.memory = read_size(item, where);
    } else {
      check_resource_name(item.name, where);
      told.named.push_back({item.name, read_count(item, 1, std::numeric_limits<std::int64_t>::max() / 2, where)});
    }
  }
  std::sort(told.named.begin(), told.named.end());
  return told;
}

NamedAmount read_named_amount(std::string_view text, std::string_view where) {
  auto const item = read_item(text, where);
  check_resource_name(item.name, where);
  return {item.name, read_count(item, 1, std::numeric_limits<std::int64_t>::max() / 2, where)};
}

}  // namespace farm::detail
