#pragma once

#include <farm/detail/aggregate.hpp>
#include <farm/detail/text_codec.hpp>
#include <farm/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Structs as arguments and results of named tasks.
///
/// C++20 cannot tell the names of members. So a struct whose serialize() names them, with CEREAL_NVP or
/// cereal::make_nvp, is an object; a plain struct without serialize() is a list of its members.
namespace farm::detail {

template <class T>
inline constexpr bool is_name_value_pair = false;
template <class T>
inline constexpr bool is_name_value_pair<cereal::NameValuePair<T>> = true;

/// The part of cereal's interface that a user's serialize function may use, for archives of names and values.
template <class Derived, template <class, std::uint32_t> class Direction>
class NamingArchive : public Direction<Derived, cereal::AllowEmptyClassElision> {
  using Base = Direction<Derived, cereal::AllowEmptyClassElision>;

 public:
  NamingArchive() : Base(static_cast<Derived*>(this)) {}

  template <class... Ts>
  Derived& operator()(Ts&&... values) {
    (take(std::forward<Ts>(values)), ...);
    return static_cast<Derived&>(*this);
  }
  template <class T>
  Derived& operator&(T&& value) {
    return (*this)(std::forward<T>(value));
  }

  /// Calls the functions that cereal has for the value.
  template <class T>
  void run(T&& value) {
    Base::operator()(std::forward<T>(value));
  }

 private:
  template <class T>
  void take(T&& value) {
    using Value = std::remove_cvref_t<T>;
    if constexpr (std::is_base_of_v<cereal::traits::detail::BaseCastBase, Value>) {
      run(*value.base_ptr);  // the members of a base class
    } else if constexpr (is_name_value_pair<Value>) {
      static_cast<Derived&>(*this).named(value.name, value.value);
    } else {
      static_cast<Derived&>(*this).has_unnamed = true;
    }
  }
};

/// Collects the members that a serialize function names, and their types.
class ShowArchive : public NamingArchive<ShowArchive, cereal::OutputArchive> {
 public:
  TextValue::Members members{};
  std::vector<std::string> types{};
  bool has_unnamed = false;

  template <class T>
  void named(char const* name, T const& value) {
    members.add(name, TextCodec<std::remove_cv_t<T>>::show(value));
    types.push_back(TextCodec<std::remove_cv_t<T>>::name());
  }
  /// Returns true if each member has a name.
  [[nodiscard]] bool is_named() const { return !has_unnamed && !members.names.empty(); }
};

/// Throws a TextMismatch: the object has no such member, or the member's text is not of the type.
[[noreturn]] void throw_no_member(std::string const& name);
[[noreturn]] void throw_bad_member(std::string const& name, char const* why);
/// Returns a member; null if the object has none of the name.
[[nodiscard]] TextValue const* find_member(TextValue::Members const& members, std::string const& name);

/// Gives the members that a serialize function names their values. Members may come in any order.
class ReadArchive : public NamingArchive<ReadArchive, cereal::InputArchive> {
 public:
  explicit ReadArchive(TextValue::Members const& members) : members_(members) {}
  bool has_unnamed = false;

  template <class T>
  void named(char const* name, T& value) {
    auto const* const text = find_member(members_, name);
    if (text == nullptr) throw_no_member(name);
    if constexpr (Readable<T>) {
      try {
        TextCodec<T>::read(*text, value);
      } catch (TextMismatch const& mismatch) {
        throw_bad_member(name, mismatch.what());
      }
    } else {
      throw_bad_member(name, "a value of this type cannot be read from text");
    }
  }

 private:
  TextValue::Members const& members_;
};

/// @cond
// cereal asks for these. The archives above take all values themselves, but for the versions of classes.
template <class T>
void CEREAL_SAVE_FUNCTION_NAME(ShowArchive& /*archive*/, cereal::NameValuePair<T> const& /*pair*/) {}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(ReadArchive& /*archive*/, cereal::NameValuePair<T>& /*pair*/) {}
template <class T>
requires std::is_arithmetic_v<T>
void CEREAL_SAVE_FUNCTION_NAME(ShowArchive& archive, T const& /*value*/) { archive.has_unnamed = true; }
template <class T>
requires std::is_arithmetic_v<T>
void CEREAL_LOAD_FUNCTION_NAME(ReadArchive& archive, T& /*value*/) { archive.has_unnamed = true; }
/// @endcond

/// Satisfied by a class of the user whose serialize functions also take a ShowArchive.
template <class T>
concept ShownByCereal = std::is_class_v<T> && !packs_members<T>() && std::is_default_constructible_v<T> &&
                        cereal::traits::is_output_serializable<T, ShowArchive>::value;

template <class T>
requires ShownByCereal<T>
struct TextCodec<T> {
  /// Serializes a value of the type, to see the names of its members.
  static std::string name() {
    ShowArchive archive;
    archive.run(T{});
    if (!archive.is_named()) return "bytes";
    std::string text = "{";
    for (std::size_t i = 0; i < archive.types.size(); ++i)
      text += (i > 0 ? ", " : "") + archive.types[i] + ' ' + archive.members.names[i];
    return text + '}';
  }
  static TextValue show(T const& value) {
    ShowArchive archive;
    archive.run(value);
    if (!archive.is_named()) return {.value = TextValue::Opaque{pack(value).size()}};
    return {.value = std::move(archive.members)};
  }
  static void read(TextValue const& text,
                   T& value) requires(cereal::traits::is_input_serializable<T, ReadArchive>::value) {
    auto const members = read_members(text, "object " + name());
    ReadArchive archive{members};
    archive.run(value);
    if (archive.has_unnamed) throw_expected("a type whose serialize function names all members");
  }
};

template <class T, class Members>
struct PlainStructCodec;
template <class T, class... Ms>
struct PlainStructCodec<T, std::tuple<std::type_identity<Ms>...>> {
  static std::string name() {
    std::string text;
    ((text.append(text.empty() ? "(" : ", ").append(TextCodec<Ms>::name())), ...);
    return text.empty() ? "()" : text + ")";
  }
  static TextValue show(T const& value) {
    return {.value = with_members(value, [](auto const&... members) {
              return TextValue::List{{TextCodec<Ms>::show(members)...}, true};
            })};
  }
  static void read(TextValue const& text, T& value) requires(Readable<Ms>&&...) {
    auto const& items = read_list(text, "list " + name(), sizeof...(Ms));
    std::size_t i = 0;
    with_members(value, [&](auto&... members) { (TextCodec<Ms>::read(items[i++], members), ...); });
  }
};

template <class T>
requires(packs_members<T>()) struct TextCodec<T> : PlainStructCodec<T, member_types<T>> {
};

}  // namespace farm::detail
