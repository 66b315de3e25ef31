#pragma once

#include <farm/task_context.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm {
class Comm;
}

/// What a task's function takes and returns, found from its type.
namespace farm::detail {

template <class... Ts>
struct TypeList {};

template <class List>
inline constexpr std::size_t type_list_size = 0;
template <class... Ts>
inline constexpr std::size_t type_list_size<TypeList<Ts...>> = sizeof...(Ts);

/// Parameters as declared, of functions and of function objects with one call operator.
template <class F>
struct DeclaredParameters {};
template <class R, class... Ps>
struct DeclaredParameters<R (*)(Ps...)> {
  using type = TypeList<Ps...>;
};
template <class R, class... Ps>
struct DeclaredParameters<R (*)(Ps...) noexcept> {
  using type = TypeList<Ps...>;
};
template <class M>
struct MemberParameters {};
template <class R, class C, class... Ps>
struct MemberParameters<R (C::*)(Ps...)> {
  using type = TypeList<Ps...>;
};
template <class R, class C, class... Ps>
struct MemberParameters<R (C::*)(Ps...) const> {
  using type = TypeList<Ps...>;
};
template <class R, class C, class... Ps>
struct MemberParameters<R (C::*)(Ps...) noexcept> {
  using type = TypeList<Ps...>;
};
template <class R, class C, class... Ps>
struct MemberParameters<R (C::*)(Ps...) const noexcept> {
  using type = TypeList<Ps...>;
};
template <class F>
requires requires { &F::operator(); }
struct DeclaredParameters<F> : MemberParameters<decltype(&F::operator())> {};

template <class F, class... Lists>
struct FirstCallable {};  // no member: none of the lists fits
template <class F, class... Ps, class... Lists>
struct FirstCallable<F, TypeList<Ps...>, Lists...>
    : std::conditional_t<std::is_invocable_v<F&, Ps...>, std::type_identity<TypeList<Ps...>>,
                         FirstCallable<F, Lists...>> {};

/// For generic and overloaded call operators, whose parameters are not known, those of the call: the arguments,
/// followed by the communicator, the context or both where it takes more.
template <class F, class... As>
struct FoundParameters
    : FirstCallable<F, TypeList<std::decay_t<As const>...>, TypeList<std::decay_t<As const>&...>,
                    TypeList<std::decay_t<As const>..., Comm const&>, TypeList<std::decay_t<As const>..., TaskContext&>,
                    TypeList<std::decay_t<As const>..., Comm const&, TaskContext&>> {};
template <class F, class... As>
requires requires { typename DeclaredParameters<F>::type; }
struct FoundParameters<F, As...> : DeclaredParameters<F> {};

template <class F, class... As>
using parameters_of = typename FoundParameters<F, As...>::type;

template <class P>
inline constexpr bool is_bound = Binder<std::remove_cvref_t<P>>::bound || std::is_same_v<std::remove_cvref_t<P>, Comm>;

template <class List>
inline constexpr bool takes_context = false;
template <class... Ps>
inline constexpr bool takes_context<TypeList<Ps...>> = (std::is_same_v<std::remove_cvref_t<Ps>, TaskContext> || ...);

template <class List, class... Given>
struct GivenParameters;
template <class... Given>
struct GivenParameters<TypeList<>, Given...> {
  using type = TypeList<Given...>;
};
template <class P, class... Ps, class... Given>
struct GivenParameters<TypeList<P, Ps...>, Given...> {
  using type = typename std::conditional_t<is_bound<P>, GivenParameters<TypeList<Ps...>, Given...>,
                                           GivenParameters<TypeList<Ps...>, Given..., P>>::type;
};
template <class List>
using given_parameters = typename GivenParameters<List>::type;

/// As what an argument for a parameter of type P travels and is kept during the call: views become what they view.
template <class P>
struct StoredAs {
  using type = P;
};
template <>
struct StoredAs<std::string_view> {
  using type = std::string;
};
template <>
struct StoredAs<char const*> {
  using type = std::string;
};
template <class T>
struct StoredAs<std::span<T const>> {
  using type = std::vector<T>;
};
template <class P>
using stored_as = typename StoredAs<std::decay_t<P>>::type;

/// Arguments as they travel.
template <class... Stored>
struct ArgumentStore {
  static_assert((!std::is_pointer_v<Stored> && ...), "a pointer means nothing in another process: give the value");
  static_assert((std::is_default_constructible_v<Stored> && ...),
                "an argument is made by default and then unpacked: its type needs a default constructor");
  using Tuple = std::tuple<Stored...>;
};

/// A kept argument as parameter type P takes it.
template <class P, class Stored>
decltype(auto) pass_stored(Stored& stored) {
  if constexpr (std::is_same_v<std::decay_t<P>, char const*>) {
    return stored.c_str();
  } else if constexpr (std::is_lvalue_reference_v<P>) {
    return static_cast<Stored&>(stored);
  } else if constexpr (std::is_same_v<std::decay_t<P>, Stored>) {
    return static_cast<Stored&&>(stored);
  } else {
    return std::decay_t<P>(stored);
  }
}

/// For each parameter the index of its argument; a bound one has that of the argument that follows it.
template <class List, std::size_t Next, std::size_t... Is>
struct ArgumentIndices;
template <std::size_t Next, std::size_t... Is>
struct ArgumentIndices<TypeList<>, Next, Is...> {
  using type = std::index_sequence<Is...>;
};
template <class P, class... Ps, std::size_t Next, std::size_t... Is>
struct ArgumentIndices<TypeList<P, Ps...>, Next, Is...> {
  using type = typename ArgumentIndices<TypeList<Ps...>, is_bound<P> ? Next : Next + 1, Is..., Next>::type;
};
template <class List>
using argument_indices = typename ArgumentIndices<List, 0>::type;

template <class P>
using passed_as = std::conditional_t<std::is_reference_v<P> || std::is_same_v<std::remove_cvref_t<P>, Comm>, P, P&&>;

template <class F, class List>
struct ResultOf;
template <class F, class... Ps>
struct ResultOf<F, TypeList<Ps...>> {
  static_assert(std::is_invocable_v<F&, passed_as<Ps>...>, "the task's function cannot be called with these arguments");
  using type = std::invoke_result_t<F&, passed_as<Ps>...>;
};
template <class F, class List>
using result_of = typename ResultOf<F, List>::type;

}  // namespace farm::detail
