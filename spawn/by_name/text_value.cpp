#include <farm/detail/text_value.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <type_traits>
#include <utility>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;

TextValue from_json(Json const& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return {.value = json.get<bool>()};
    case Json::value_t::number_integer:
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

std::string opaque_text(TextValue::Opaque opaque) { return fmt::format("<{} bytes>", opaque.bytes); }

Json make_json(TextValue const& value);

Json make_json(TextValue::Members const& members) {
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
        } else if constexpr (std::is_same_v<V, TextValue::Members>) {
          return make_json(v);
        } else if constexpr (std::is_same_v<V, TextValue::Opaque>) {
          return opaque_text(v);
        } else {
          return v;
        }
      },
      value.value);
}

// Replaces invalid UTF-8 instead of throwing.
std::string dump(Json const& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string nested_text(TextValue const& value) {
  if (auto const* const string = std::get_if<std::string>(&value.value)) return dump(*string);
  return to_text(value);
}

}  // namespace

void TextValue::Members::add(std::string name, TextValue item) {
  names.push_back(std::move(name));
  values.push_back(std::move(item));
}

TextValue read_text(std::string_view text) {
  auto const json = Json::parse(text, nullptr, false);
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
          std::string text{"{"};
          for (std::size_t i = 0; i < v.names.size(); ++i) {
            text.append(i > 0 ? ", " : "").append(dump(v.names[i])).append(": ").append(nested_text(v.values[i]));
          }
          return text += '}';
        } else if constexpr (std::is_same_v<V, TextValue::Opaque>) {
          return opaque_text(v);
        } else {
          return fmt::format("{}", v);
        }
      },
      value.value);
}

std::string to_json(TextValue const& value) { return dump(make_json(value)); }

std::string to_json(TextValue::Members const& members) { return dump(make_json(members)); }

}  // namespace farm::detail
