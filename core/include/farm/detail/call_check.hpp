#pragma once

#include <farm/detail/signature.hpp>
#include <farm/options.hpp>

#include <cstddef>
#include <functional>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <utility>

/// Checks the arguments of submit, map and so on before anything else looks at them, so that a mistake is one readable
/// compile error in place of hundreds of lines.
namespace farm {

template <class R>
class Future;

namespace detail {

template <class T>
inline constexpr bool is_std_function = false;
template <class S>
inline constexpr bool is_std_function<std::function<S>> = true;

template <class T>
inline constexpr bool is_map_options = std::is_same_v<T, MapOptions> || std::is_same_v<T, CollectErrors>;

/// False for every F, but only once F is known.
template <class...>
inline constexpr bool never_true = false;

/// True unless F declares its parameters, and needs another number of arguments.
template <class F, std::size_t N>
inline constexpr bool has_right_number = true;
template <class F, std::size_t N>
requires requires { typename DeclaredParameters<F>::type; }
inline constexpr bool has_right_number<F, N> =
    type_list_size<given_parameters<typename DeclaredParameters<F>::type>> == N;

/// Returns true if F can be the function of a task. A compile error says why not.
template <class F>
constexpr bool check_function() {
  if constexpr (std::is_member_pointer_v<F>) {
    static_assert(never_true<F>,
                  "a pointer to a member cannot be sent to another process: submit a lambda, as in "
                  "submit([](Solver const& solver, int n) { return solver.run(n); }, solver, 3)");
  } else if constexpr (is_std_function<F>) {
    static_assert(never_true<F>,
                  "a std::function cannot be sent to another process: submit the function, lambda or function object "
                  "itself");
  } else if constexpr (std::is_bind_expression_v<F>) {
    static_assert(never_true<F>,
                  "what std::bind returns cannot be sent to another process: submit a lambda that makes the call, and "
                  "pass the bound values as arguments");
  } else if constexpr (!std::is_class_v<F> && !std::is_function_v<std::remove_pointer_t<F>>) {
    static_assert(
        never_true<F>,
        "the function of a task is expected here: a function, a lambda or a function object (TaskOptions come "
        "before it, arguments and MapOptions after it)");
  } else {
    return true;
  }
  return false;
}

/// Returns true if submit(f, args...) makes sense as far as the kinds of the arguments tell. A compile error says why
/// not.
template <class F, class... Args>
constexpr bool check_submit() {
  if constexpr ((std::is_same_v<Args, TaskOptions> || ...)) {
    static_assert(never_true<F>, "TaskOptions come first: submit(TaskOptions{...}, f, args...)");
  } else if constexpr ((is_map_options<Args> || ...)) {
    static_assert(never_true<F>, "MapOptions are for map: submit takes TaskOptions, before the function");
  } else if constexpr ((std::is_same_v<Args, Future<void>> || ...)) {
    static_assert(never_true<F>,
                  "a Future<void> has no value that could be an argument: use then(), or let the first task return "
                  "something");
  } else if constexpr (!check_function<F>()) {
    return false;
  } else if constexpr (!has_right_number<F, sizeof...(Args)>) {
    static_assert(never_true<F>,
                  "wrong number of arguments for this task's function (default arguments are not known here: give all "
                  "arguments, or submit a lambda that makes the call)");
  } else {
    return true;
  }
  return false;
}

template <class T>
concept InputRange = requires(T& range) {
  std::begin(range);
  std::end(range);
};

template <class... Ts>
inline constexpr bool ends_with_options = false;
template <class T>
inline constexpr bool ends_with_options<T> = is_map_options<T>;
template <class T, class U, class... Ts>
inline constexpr bool ends_with_options<T, U, Ts...> = ends_with_options<U, Ts...>;

/// Returns true if map(f, ranges..., options) makes sense as far as the kinds of the arguments tell. A compile error
/// says why not. `Ts` are the decayed types of the ranges and the options.
template <class F, class... Ts>
constexpr bool check_map() {
  constexpr std::size_t options = ((is_map_options<Ts> ? 1U : 0U) + ... + 0U);
  if constexpr ((std::is_same_v<Ts, TaskOptions> || ...) || std::is_same_v<F, TaskOptions>) {
    static_assert(never_true<F>, "map takes TaskOptions in its MapOptions: map(f, range, MapOptions{.task = {...}})");
  } else if constexpr (options > 1 || (options == 1 && !ends_with_options<Ts...>) || is_map_options<F>) {
    static_assert(never_true<F>, "MapOptions come once, after the ranges: map(f, range..., MapOptions{...})");
  } else if constexpr (sizeof...(Ts) == options) {
    static_assert(never_true<F>, "map needs at least one range of inputs");
  } else if constexpr (!((InputRange<Ts> || is_map_options<Ts>)&&...)) {
    static_assert(never_true<F>,
                  "an argument of map is not a range: give a container or range of inputs for each parameter, and "
                  "values that are the same for all inputs by a lambda that captures them");
  } else if constexpr (!check_function<F>()) {
    return false;
  } else if constexpr (!has_right_number<F, sizeof...(Ts) - options>) {
    static_assert(never_true<F>,
                  "map needs one range for each parameter of the function (default arguments are not known here; use "
                  "starmap for a range of tuples)");
  } else {
    return true;
  }
  return false;
}

template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
};

/// Returns true if starmap(f, inputs) makes sense as far as the kind of the range tells. A compile error says why not.
template <class F, class Inputs>
constexpr bool check_starmap() {
  if constexpr (!InputRange<Inputs>) {
    static_assert(never_true<F>,
                  "starmap needs a range of tuples or pairs, each of which holds all arguments of a call");
  } else if constexpr (!TupleLike<std::remove_cvref_t<decltype(*std::begin(std::declval<Inputs&>()))>>) {
    static_assert(never_true<F>,
                  "an element of this range is neither a tuple nor a pair, which starmap needs: use map for a range of "
                  "single arguments");
  } else {
    return check_function<F>();
  }
  return false;
}

}  // namespace detail
}  // namespace farm
