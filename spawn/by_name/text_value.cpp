#include <farm/detail/text_value.hpp>

#include "core/text/c_locale.hpp"
#include "spawn/by_name/byte_text.hpp"
#include "spawn/by_name/number_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <type_traits>
#include <utility>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;

TextValue from_json(Json const& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return {.value = json.get<bool>()};
    case Json::value_t::number_integer:  // one below 0, or "-0": the library reads other integers as unsigned
      if (json.get<std::int64_t>() == 0) return {.value = -0.0};
      return {.value = json.get<std::int64_t>()};
    case Json::value_t::number_unsigned:
      return {.value = json.get<std::uint64_t>()};
    case Json::value_t::number_float:
      return {.value = json.get<double>()};
    case Json::value_t::string:
      return {.value = json.get<std::string>()};
    case Json::value_t::array: {
      TextValue::List list;
      for (auto const& item : json) list.items.push_back(from_json(item));
      return {.value = std::move(list)};
    }
    case Json::value_t::object: {
      TextValue::Members members;
      for (auto const& [name, item] : json.items()) members.add(name, from_json(item));
      return {.value = std::move(members)};
    }
    default:
      return {};
  }
}

/// The name of the member of an object that stands for a string that is not UTF-8.
constexpr auto bytes_member = "base64";

std::string opaque_text(TextValue::Opaque opaque) { return fmt::format("<{} bytes>", opaque.bytes); }

Json make_json(TextValue const& value);

/// A string that is not UTF-8 becomes an object: JSON cannot hold it.
Json make_json(std::string const& string) {
  if (is_utf8(string)) return string;
  return Json::object({{bytes_member, to_base64(string)}});
}

bool has_utf8_names(TextValue::Members const& members) {
  return std::all_of(members.names.begin(), members.names.end(), is_utf8);
}

/// Returns the members as a list of names and values.
TextValue as_list(TextValue::Members const& members) {
  TextValue::List list;
  for (std::size_t i = 0; i < members.names.size(); ++i)
    list.items.push_back({.value = TextValue::List{{{.value = members.names[i]}, members.values[i]}}});
  return {.value = std::move(list)};
}

Json make_json(TextValue::Members const& members) {
  if (!has_utf8_names(members)) return make_json(as_list(members));
  auto json = Json::object();
  for (std::size_t i = 0; i < members.names.size(); ++i) json[members.names[i]] = make_json(members.values[i]);
  return json;
}

Json make_json(TextValue const& value) {
  return std::visit(
      [](auto const& v) -> Json {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, TextValue::List>) {
          auto json = Json::array();
          for (auto const& item : v.items) json.push_back(make_json(item));
          return json;
        } else if constexpr (std::is_same_v<V, TextValue::Members> || std::is_same_v<V, std::string>) {
          return make_json(v);
        } else if constexpr (std::is_same_v<V, TextValue::Opaque>) {
          return opaque_text(v);
        } else if constexpr (std::is_same_v<V, double>) {
          if (!std::isfinite(v)) return number_text(v);
          return v;
        } else {
          return v;
        }
      },
      value.value);
}

/// Replaces invalid UTF-8 instead of throwing.
std::string dump(Json const& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string nested_text(TextValue const& value) {
  if (auto const* const string = std::get_if<std::string>(&value.value)) return dump(make_json(*string));
  return to_text(value);
}

/// Returns the text of a number as JSON has it: .5 becomes 0.5, nan becomes "nan". Returns any other word as it is.
std::string json_word(std::string_view word) {
  auto const number = Json::accept(word) ? std::nullopt : read_number(word);
  if (!number || !number->is_in_range) return std::string{word};
  auto const text = number_text(number->value);
  return std::isfinite(number->value) ? text : '"' + text + '"';
}

/// Returns a list, a tuple or an object with json_word() in place of each word that is not in quotes, and with brackets
/// in place of the parentheses of tuples.
std::string with_json_words(std::string_view text) {
  constexpr std::string_view ends = " \t\r\n,:[]{}()\"";
  std::string result;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!quoted && ends.find(text[i]) == std::string_view::npos) {
      auto const word = text.substr(i, text.find_first_of(ends, i) - i);
      result += json_word(word);
      i += word.size() - 1;
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    result += quoted || (text[i] != '(' && text[i] != ')') ? text[i] : text[i] == '(' ? '[' : ']';
    if (quoted && text[i] == '\\' && i + 1 < text.size()) result += text[++i];
  }
  return result;
}

}  // namespace

void TextValue::Members::add(std::string name, TextValue item) {
  names.push_back(std::move(name));
  values.push_back(std::move(item));
}

TextValue read_text(std::string_view text) {
  CLocale const locale;  // the JSON library reads numbers by strtod()
  auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded() && !text.empty() && std::string_view{"[({"}.find(text.front()) != std::string_view::npos)
    json = Json::parse(with_json_words(text), nullptr, false);
  if (json.is_discarded()) return {.value = std::string{text}, .is_bare = true};
  return from_json(json);
}

std::string to_text(TextValue const& value) {
  return std::visit(
      [](auto const& v) -> std::string {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, std::nullptr_t>) {
          return "null";
        } else if constexpr (std::is_same_v<V, TextValue::List>) {
          std::string text{v.is_tuple ? "(" : "["};
          for (auto const& item : v.items) text.append(text.size() > 1 ? ", " : "").append(nested_text(item));
          return text += v.is_tuple ? ')' : ']';
        } else if constexpr (std::is_same_v<V, TextValue::Members>) {
          if (!has_utf8_names(v)) return to_text(as_list(v));
          std::string text{"{"};
          for (std::size_t i = 0; i < v.names.size(); ++i) {
            text.append(i > 0 ? ", " : "")
                .append(dump(make_json(v.names[i])))
                .append(": ")
                .append(nested_text(v.values[i]));
          }
          return text += '}';
        } else if constexpr (std::is_same_v<V, TextValue::Opaque>) {
          return opaque_text(v);
        } else if constexpr (std::is_same_v<V, double>) {
          return number_text(v);
        } else {
          return fmt::format("{}", v);
        }
      },
      value.value);
}

std::string to_json(TextValue const& value) { return dump(make_json(value)); }

std::optional<std::string> string_of(TextValue const& value) {
  if (auto const* const string = std::get_if<std::string>(&value.value)) return *string;
  auto const* const members = std::get_if<TextValue::Members>(&value.value);
  if (members == nullptr || members->names != std::vector<std::string>{bytes_member}) return std::nullopt;
  auto const* const text = std::get_if<std::string>(&members->values.front().value);
  return text != nullptr ? from_base64(*text) : std::nullopt;
}

std::string with_valid_utf8(std::string const& text) { return Json::parse(dump(text)).get<std::string>(); }

std::string to_json(TextValue::Members const& members) { return dump(make_json(members)); }

}  // namespace farm::detail
