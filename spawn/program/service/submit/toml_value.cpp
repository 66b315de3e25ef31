#include "spawn/program/service/submit/toml_value.hpp"

#include "core/resources/memory_text.hpp"
#include "core/text/nearest_word.hpp"
#include "spawn/by_name/time_text.hpp"
#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>

#include <limits>
#include <sstream>

namespace farm::detail {
namespace {

TextValue json_of(toml::node const& node) {
  if (auto const* const text = node.as_string()) return {.value = text->get()};
  if (auto const* const number = node.as_integer()) return {.value = number->get()};
  if (auto const* const number = node.as_floating_point()) return {.value = number->get()};
  if (auto const* const flag = node.as_boolean()) return {.value = flag->get()};
  if (auto const* const array = node.as_array()) {
    TextValue::List list;
    for (auto const& item : *array) list.items.push_back(json_of(item));
    return {.value = std::move(list)};
  }
  if (auto const* const table = node.as_table()) {
    TextValue::Members members;
    for (auto const& [key, value] : *table) members.add(std::string{key.str()}, json_of(value));
    return {.value = std::move(members)};
  }
  std::ostringstream text;
  node.visit([&](auto const& any) {
    if constexpr (toml::is_date<decltype(any)> || toml::is_time<decltype(any)> || toml::is_date_time<decltype(any)>)
      text << any.get();
  });
  return {.value = text.str()};
}

}  // namespace

void TomlValue::refuse(std::string const& why) const {
  auto const place = node_.source().begin;
  auto const key = key_.empty() ? std::string{} : key_ + ": ";
  throw TypingError(fmt::format("{}:{}:{}: {}{}", file_, place.line, place.column, key, why));
}

void TomlValue::expect(std::string const& what) const {
  auto given = to_text(json());
  constexpr std::size_t most = 60;
  if (given.size() > most) given = given.substr(0, most) + "...";
  refuse(fmt::format("'{}' was given, {} is expected", given, what));
}

void TomlValue::read_table(std::initializer_list<std::pair<char const*, Reader>> readers) const {
  auto const* const table = node_.as_table();
  if (table == nullptr) expect("a table");
  std::vector<std::string> known;
  for (auto const& [name, reader] : readers) {
    known.emplace_back(name);
    if (auto const* const node = table->get(name)) reader({*node, file_, name});
  }
  for (auto const& [key, node] : *table) {
    std::string const name{key.str()};
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    auto const place = key.source().begin;
    throw TypingError(fmt::format("{}:{}:{}: {}", file_, place.line, place.column, unknown_word("key", name, known)));
  }
}

void TomlValue::each(Reader const& reader) const {
  auto const* const array = node_.as_array();
  if (array == nullptr) expect("a list");
  for (auto const& item : *array) reader({item, file_, key_});
}

std::string TomlValue::text() const {
  auto const* const value = node_.as_string();
  if (value == nullptr) expect("a text");
  return value->get();
}

std::vector<std::string> TomlValue::texts() const {
  std::vector<std::string> all;
  each([&](TomlValue const& item) { all.push_back(item.text()); });
  return all;
}

bool TomlValue::boolean() const {
  auto const* const value = node_.as_boolean();
  if (value == nullptr) expect("true or false");
  return value->get();
}

std::int64_t TomlValue::whole(std::int64_t least, std::int64_t most) const {
  auto const* const value = node_.as_integer();
  if (value == nullptr || value->get() < least || value->get() > most)
    expect(most == std::numeric_limits<std::int64_t>::max() ? fmt::format("a number from {} on", least)
                                                            : fmt::format("a number from {} to {}", least, most));
  return value->get();
}

int TomlValue::small(int least) const { return static_cast<int>(whole(least, std::numeric_limits<int>::max())); }

double TomlValue::seconds() const {
  double seconds = 0;
  if (auto const* const text = node_.as_string()) {
    seconds = read_time(text->get()).value_or(0);
  } else {
    seconds = node_.value<double>().value_or(0);
  }
  constexpr double most = 9e9;
  if (!(seconds > 0 && seconds < most)) expect(R"(a time above 0, as 90, "10m" or "1h30m",)");
  return seconds;
}

std::int64_t TomlValue::bytes() const {
  auto const* const text = node_.as_string();
  auto const bytes = text != nullptr ? read_memory(text->get()).value_or(0) : node_.value<std::int64_t>().value_or(0);
  if (bytes <= 0) expect(R"(a size such as "512MiB" or "2GiB")");
  return bytes;
}

std::map<std::string, std::int64_t> TomlValue::amounts() const {
  auto const* const table = node_.as_table();
  if (table == nullptr) expect("a table of numbers, as {licence = 1},");
  std::map<std::string, std::int64_t> all;
  for (auto const& [key, node] : *table) {
    std::string const name{key.str()};
    all[name] = TomlValue{node, file_, key_ + '.' + name}.whole(0, std::numeric_limits<std::int64_t>::max());
  }
  return all;
}

std::map<std::string, std::string> TomlValue::variables() const {
  auto const* const table = node_.as_table();
  if (table == nullptr) expect("a table of texts, as {OMP_NUM_THREADS = \"4\"},");
  std::map<std::string, std::string> all;
  for (auto const& [key, node] : *table) all[std::string{key.str()}] = to_text(json_of(node));
  return all;
}

TextValue TomlValue::json() const { return json_of(node_); }

}  // namespace farm::detail
