#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm::detail {

/// Returns the JSON of a text. Throws UsageError if it is none, or if an object has a member twice.
[[nodiscard]] nlohmann::ordered_json parse_json(std::string_view text);

/// A value inside a JSON text, and its place in it for errors: "kinds[0].ranks". Each function throws UsageError, one
/// line that names the place, if the value is of another type or out of range. Refers to the JSON.
class JsonMember {
 public:
  using Reader = std::function<void(JsonMember const&)>;

  JsonMember(nlohmann::ordered_json const& value, std::string place) : value_{&value}, place_{std::move(place)} {}

  [[nodiscard]] std::string const& place() const { return place_; }

  /// Calls the reader of each member that the object has, unless it is null. Unknown members are refused, with the
  /// nearest name.
  void read_object(std::initializer_list<std::pair<char const*, Reader>> readers) const;
  /// Calls the reader for each item of the list.
  void each(Reader const& reader) const;

  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::string text() const;  ///< without null characters
  [[nodiscard]] std::vector<std::string> texts() const;
  /// A number of at most `most` that is more than 0.
  [[nodiscard]] double positive(double most) const;
  template <class T>
  [[nodiscard]] T whole(T least = std::numeric_limits<T>::min()) const;
  template <class T>
  [[nodiscard]] std::vector<T> wholes(T least) const;
  [[nodiscard]] std::map<std::string, std::int64_t> amounts() const;
  [[nodiscard]] std::map<std::string, std::string> variables() const;

 private:
  /// Throws "'PLACE' must be WHAT, not VALUE".
  [[noreturn]] void refuse(std::string const& what) const;
  [[nodiscard]] std::int64_t signed_whole(std::int64_t least, std::int64_t most) const;
  [[nodiscard]] std::uint64_t unsigned_whole(std::uint64_t least, std::uint64_t most) const;
  void each_member(std::function<void(std::string const& name, JsonMember const&)> const& reader) const;

  nlohmann::ordered_json const* value_;
  std::string place_;
};

template <class T>
T JsonMember::whole(T least) const {
  if constexpr (std::is_signed_v<T>) return static_cast<T>(signed_whole(least, std::numeric_limits<T>::max()));
  return static_cast<T>(unsigned_whole(static_cast<std::uint64_t>(least), std::numeric_limits<T>::max()));
}

template <class T>
std::vector<T> JsonMember::wholes(T least) const {
  std::vector<T> all;
  each([&](JsonMember const& item) { all.push_back(item.template whole<T>(least)); });
  return all;
}

}  // namespace farm::detail
