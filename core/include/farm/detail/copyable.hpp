#pragma once

#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace farm::detail {

/// True if a T can be copied. std::is_copy_constructible is true even for a std::vector whose elements cannot be
/// copied, and the copy then fails to compile; this trait also checks the elements.
template <class T>
struct Copyable : std::is_copy_constructible<T> {};

template <class T>
inline constexpr bool copyable = Copyable<T>::value;

template <class T>
concept HasElements = requires {
  typename T::value_type;
}
&&!std::is_same_v<typename T::value_type, T>;

template <HasElements T>
struct Copyable<T> : std::bool_constant<std::is_copy_constructible_v<T> && copyable<typename T::value_type>> {};

template <class A, class B>
struct Copyable<std::pair<A, B>> : std::bool_constant<copyable<A> && copyable<B>> {};
template <class... Ts>
struct Copyable<std::tuple<Ts...>> : std::bool_constant<(copyable<Ts> && ...)> {};
template <class... Ts>
struct Copyable<std::variant<Ts...>> : std::bool_constant<(copyable<Ts> && ...)> {};

}  // namespace farm::detail
