#pragma once

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

/// Takes plain structs apart: those without constructors, bases and private members. Their members are found by
/// counting how many initializers the struct takes, and named by structured bindings.
namespace farm::detail {

/// More members than this are not supported.
inline constexpr std::size_t most_members = 16;

/// Converts to any member of T, but not to T itself, so that it does not initialize a whole T. Never called.
template <class T>
struct AnyMember {
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): an initializer converts implicitly
  requires(!std::is_same_v<U, T>) operator U() const noexcept { std::terminate(); }
};

template <class U, class T>
inline constexpr bool is_base_v = std::is_base_of_v<U, T> && !std::is_same_v<U, T>;

/// Converts to a base class of T only.
template <class T>
struct AnyBase {
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): likewise
  requires(is_base_v<U, T>) operator U() const noexcept { std::terminate(); }
};

template <class T, std::size_t... Before, std::size_t... Nested, std::size_t... After>
constexpr bool takes_nested(std::index_sequence<Before...> /*before*/, std::index_sequence<Nested...> /*nested*/,
                            std::index_sequence<After...> /*after*/) {
  return requires {
    T{(static_cast<void>(Before), AnyMember<T>{})...,
      {(static_cast<void>(Nested), AnyMember<T>{})...},
      (static_cast<void>(After), AnyMember<T>{})...};
  };
}

template <class T, std::size_t... Is>
constexpr bool takes(std::index_sequence<Is...> /*initializers*/) {
  return requires { T{(static_cast<void>(Is), AnyMember<T>{})...}; };
}

/// Returns how many initializers T takes, where the elements of an array count each; most_members + 1 if more.
template <class T, std::size_t N = most_members + 1>
constexpr std::size_t initializers_of() {
  if constexpr (N == 0) {
    return 0;
  } else if constexpr (takes<T>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return initializers_of<T, N - 1>();
  }
}

/// Returns how many of the `All` initializers the member takes whose first is number `At`. More than 1 for an array:
/// its elements may stand in braces of their own, and then no further initializer fits.
template <class T, std::size_t All, std::size_t At, std::size_t N = All - At>
constexpr std::size_t initializers_at() {
  if constexpr (N <= 1) {
    return 1;
  } else {
    constexpr bool fits = takes_nested<T>(std::make_index_sequence<At>{}, std::make_index_sequence<N>{},
                                          std::make_index_sequence<All - At - N>{});
    constexpr bool fits_more = takes_nested<T>(std::make_index_sequence<At>{}, std::make_index_sequence<N>{},
                                               std::make_index_sequence<All - At - N + 1>{});
    if constexpr (fits && !fits_more) {
      return N;
    } else {
      return initializers_at<T, All, At, N - 1>();
    }
  }
}

template <class T, std::size_t All, std::size_t At = 0>
constexpr std::size_t members_from() {
  if constexpr (At >= All) {
    return 0;
  } else {
    return 1 + members_from<T, All, At + initializers_at<T, All, At>()>();
  }
}

/// Satisfied by a T whose first initializer is for a base class.
template <class T>
concept HasBase = requires {
  T{AnyBase<T>{}};
};

/// True if T may be packed, so that no reference can be bound to its members: it is aligned as bytes are, but has more
/// of them than initializers.
template <class T>
constexpr bool may_be_packed() {
  if constexpr (std::is_empty_v<T>) {
    return false;
  } else {
    return alignof(T) == 1 && sizeof(T) > initializers_of<T>();
  }
}

/// Returns whether T is a struct that can be taken apart, as far as its members allow.
template <class T>
constexpr bool check_plain_struct() {
  if constexpr (std::is_class_v<T> && std::is_aggregate_v<T>) {
    if constexpr (!HasBase<T>) return initializers_of<T>() <= most_members && !may_be_packed<T>();
  }
  return false;
}
template <class T>
inline constexpr bool is_plain_struct = check_plain_struct<T>();

/// The number of members of a plain struct.
template <class T>
inline constexpr std::size_t member_count = members_from<T, initializers_of<T>()>();

/// Calls use(members...) with references to all members of a plain struct.
template <class T, class Use>
constexpr decltype(auto) with_members(T& t, Use&& use) {
  constexpr std::size_t n = member_count<std::remove_const_t<T>>;
  if constexpr (n == 0) {
    return use();
  } else if constexpr (n == 1) {
    auto& [a] = t;
    return use(a);
  } else if constexpr (n == 2) {
    auto& [a, b] = t;
    return use(a, b);
  } else if constexpr (n == 3) {
    auto& [a, b, c] = t;
    return use(a, b, c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = t;
    return use(a, b, c, d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = t;
    return use(a, b, c, d, e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, f] = t;
    return use(a, b, c, d, e, f);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, f, g] = t;
    return use(a, b, c, d, e, f, g);
  } else if constexpr (n == 8) {
    auto& [a, b, c, d, e, f, g, h] = t;
    return use(a, b, c, d, e, f, g, h);
  } else if constexpr (n == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = t;
    return use(a, b, c, d, e, f, g, h, i);
  } else if constexpr (n == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = t;
    return use(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (n == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = t;
    return use(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (n == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = t;
    return use(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (n == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = t;
    return use(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (n == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o] = t;
    return use(a, b, c, d, e, f, g, h, i, j, k, l, m, o);
  } else if constexpr (n == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p] = t;
    return use(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p);
  } else {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q] = t;
    return use(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q);
  }
}

struct MemberTypes {
  template <class... Ms>
  auto operator()(Ms&... /*members*/) const -> std::tuple<std::type_identity<std::remove_const_t<Ms>>...> {
    std::terminate();
  }
};
/// The types of the members of a plain struct, as a tuple of std::type_identity.
template <class T>
using member_types = decltype(with_members(std::declval<T&>(), MemberTypes{}));

}  // namespace farm::detail
