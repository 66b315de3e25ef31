#include "spawn/service/model/json_members.hpp"

#include "core/text/nearest_word.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;

/// Returns a value in one short line, for errors.
std::string shown(Json const& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  constexpr std::size_t longest = 60;
  auto text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  return text;
}

/// Returns what the library says, without the name of its exception.
std::string reason_of(Json::parse_error const& error) {
  std::string_view text{error.what()};
  if (auto const end = text.find("] "); end != std::string_view::npos) text.remove_prefix(end + 2);
  std::string line{text};
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return line;
}

}  // namespace

nlohmann::ordered_json parse_json(std::string_view text) {
  std::vector<std::set<std::string>> names;  // of the objects around what is being parsed
  auto const watch = [&](int /*depth*/, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second)
      throw UsageError(fmt::format("the member {} is given twice", shown(parsed)));
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (Json::parse_error const& error) {
    throw UsageError(fmt::format("this is not JSON: {}", reason_of(error)));
  }
}

void JsonMember::refuse(std::string const& what) const {
  throw UsageError(fmt::format("'{}' must be {}, not {}", place_, what, shown(*value_)));
}

void JsonMember::each_member(std::function<void(std::string const&, JsonMember const&)> const& reader) const {
  if (!value_->is_object()) refuse("an object");
  for (auto const& [name, value] : value_->items()) reader(name, {value, fmt::format("{}.{}", place_, name)});
}

void JsonMember::read_object(std::initializer_list<std::pair<char const*, Reader>> readers) const {
  each_member([&](std::string const& name, JsonMember const& member) {
    auto const* const found =
        std::find_if(readers.begin(), readers.end(), [&](auto const& r) { return name == r.first; });
    if (found == readers.end()) {
      std::vector<std::string> names;
      for (auto const& reader : readers) names.emplace_back(reader.first);
      throw UsageError(fmt::format("'{}' has an {}", place_, unknown_word("member", name, names)));
    }
    if (!member.value_->is_null()) found->second(member);
  });
}

void JsonMember::each(Reader const& reader) const {
  if (!value_->is_array()) refuse("a list");
  for (std::size_t i = 0; i < value_->size(); ++i) reader({(*value_)[i], fmt::format("{}[{}]", place_, i)});
}

bool JsonMember::boolean() const {
  if (!value_->is_boolean()) refuse("true or false");
  return value_->get<bool>();
}

std::string JsonMember::text() const {
  if (!value_->is_string()) refuse("a text");
  auto text = value_->get<std::string>();
  if (text.find('\0') != std::string::npos) refuse("a text without null characters");
  return text;
}

std::vector<std::string> JsonMember::texts() const {
  std::vector<std::string> all;
  each([&](JsonMember const& item) { all.push_back(item.text()); });
  return all;
}

double JsonMember::positive(double most) const {
  if (!value_->is_number()) refuse("a number");
  auto const number = value_->get<double>();
  if (!(number > 0 && number <= most)) refuse(fmt::format("more than 0 and at most {}", most));
  return number;
}

std::int64_t JsonMember::signed_whole(std::int64_t least, std::int64_t most) const {
  auto const fits = value_->is_number_unsigned() ? value_->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                                                 : value_->is_number_integer();
  if (!fits || value_->get<std::int64_t>() < least || value_->get<std::int64_t>() > most)
    refuse(fmt::format("a whole number from {} to {}", least, most));
  return value_->get<std::int64_t>();
}

std::uint64_t JsonMember::unsigned_whole(std::uint64_t least, std::uint64_t most) const {
  auto const fits = value_->is_number_unsigned() || (value_->is_number_integer() && value_->get<std::int64_t>() == 0);
  if (!fits || value_->get<std::uint64_t>() < least || value_->get<std::uint64_t>() > most)
    refuse(fmt::format("a whole number from {} to {}", least, most));
  return value_->get<std::uint64_t>();
}

std::map<std::string, std::int64_t> JsonMember::amounts() const {
  std::map<std::string, std::int64_t> all;
  each_member([&](std::string const& name, JsonMember const& member) { all[name] = member.whole<std::int64_t>(0); });
  return all;
}

std::map<std::string, std::string> JsonMember::variables() const {
  std::map<std::string, std::string> all;
  each_member([&](std::string const& name, JsonMember const& member) { all[name] = member.text(); });
  return all;
}

}  // namespace farm::detail
