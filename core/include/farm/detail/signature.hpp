#pragma once

#include <farm/detail/rank_context.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

/// The parameters and the result of a task's function, found from its type. See the table in transport.hpp.
namespace farm::detail {

template <class... Ts>
struct TypeList {};

template <class List>
inline constexpr std::size_t type_list_size = 0;
template <class... Ts>
inline constexpr std::size_t type_list_size<TypeList<Ts...>> = sizeof...(Ts);

/// The parameters that F declares: a function, or a function object with exactly one call operator that is no template.
/// Has no member `type` for any other F.
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

/// The first of the lists that F can be called with; has no member `type` if there is none.
template <class F, class... Lists>
struct FirstCallable {};
template <class F, class... Ps, class... Lists>
struct FirstCallable<F, TypeList<Ps...>, Lists...>
    : std::conditional_t<std::is_invocable_v<F&, Ps...>, std::type_identity<TypeList<Ps...>>,
                         FirstCallable<F, Lists...>> {};

/// The parameters of F in a call with arguments of types As. A generic or overloaded call operator declares no single
/// list; it is called with the arguments, followed by the communicator, the context or both if it takes more.
template <class F, class... As>
struct ParametersOf
    : FirstCallable<F, TypeList<std::decay_t<As const>...>, TypeList<std::decay_t<As const>&...>,
                    TypeList<std::decay_t<As const>..., Comm const&>, TypeList<std::decay_t<As const>..., TaskContext&>,
                    TypeList<std::decay_t<As const>..., Comm const&, TaskContext&>> {};
template <class F, class... As>
requires requires { typename DeclaredParameters<F>::type; }
struct ParametersOf<F, As...> : DeclaredParameters<F> {};

template <class F, class... As>
using parameters_of = typename ParametersOf<F, As...>::type;

/// True for a parameter that the farm binds, so that the caller gives no argument for it.
template <class P>
inline constexpr bool is_bound = Binder<std::remove_cvref_t<P>>::bound;

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
/// The parameters that the caller gives arguments for, in order.
template <class List>
using given_parameters = typename GivenParameters<List>::type;

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
/// For each parameter the index of its argument. A bound parameter gets the index of the next argument, which is
/// unused.
template <class List>
using argument_indices = typename ArgumentIndices<List, 0>::type;

/// The expression type with which the rank passes a parameter of type P. A Comm is incomplete here and not movable, so
/// that it stays as it is.
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
