#pragma once

#include <farm/array.hpp>
#include <farm/detail/array_transport.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/detail/future_value.hpp>
#include <farm/detail/signature.hpp>
#include <farm/future.hpp>
#include <farm/stage_run.hpp>

#include <cstddef>
#include <type_traits>
#include <variant>
#include <vector>

/// Futures as arguments of tasks: the task waits for them, and gets their values. See the table in core's
/// transport.hpp.
namespace farm::detail {

/// What an argument of type Arg stands for if it is given for a parameter of (decayed) type Param; Param is void if the
/// parameter is not known. By default an argument stands for itself. Each specialization is for futures and has:
/// - `type`, the type of the value that the argument stands for;
/// - `append_to(sources, argument)`, which appends the states that the task waits for;
/// - `get(argument)`, which returns the value once these states are done, and throws as Future::result() does.
template <class Param, class Arg>
struct ResolveFuture {
  static constexpr bool waits = false;
  using type = Arg;
  static void append_to(std::vector<StatePtr>& /*sources*/, Arg const& /*argument*/) {}
  static Arg const& get(Arg const& argument) { return argument; }
};

template <class Param, class R>
struct ResolveFuture<Param, Future<R>> {
  static constexpr bool waits = true;
  using type = R;
  static void append_to(std::vector<StatePtr>& sources, Future<R> const& argument) {
    if (!argument.valid()) throw_invalid_future();
    sources.push_back(argument.state());
  }
  static R get(Future<R> const& argument) { return argument.done_value(); }
};

template <class Param, class R>
struct ResolveFuture<Param, std::vector<Future<R>>> {
  static constexpr bool waits = true;
  using type = std::vector<R>;
  static void append_to(std::vector<StatePtr>& sources, std::vector<Future<R>> const& argument) {
    for (auto const& each : argument) ResolveFuture<void, Future<R>>::append_to(sources, each);
  }
  static std::vector<R> get(std::vector<Future<R>> const& argument) {
    std::vector<R> values;
    values.reserve(argument.size());
    for (auto const& each : argument) values.push_back(each.done_value());
    return values;
  }
};

/// Returns the value of a future that is done as an array. A value in a file is not read; a value that a task did not
/// return is staged if it is large. Throws as Future::result() does.
template <Element T>
[[nodiscard]] Array<T> value_as_array(Future<std::vector<T>> const& future) {
  require_value(*future.state());
  if (auto const* const bytes = std::get_if<Bytes>(&future.state()->result()))
    return ResultTransport<std::vector<T>>::read_array(*bytes, vector_threshold);
  auto const values = future.done_value();
  bool const has_stage = current_stage_run() != nullptr;
  return stage(values, {values.size()}, {.threshold = has_stage ? vector_threshold : std::size_t(-1)});
}

/// A vector that another task returns reaches a parameter that takes arrays as an array, so that only the ranks read a
/// large one.
template <class Param, Element T>
requires TakesArray<Param, T>
struct ResolveFuture<Param, Future<std::vector<T>>> : ResolveFuture<void, Future<std::vector<T>>> {
  using type = Array<T>;
  static Array<T> get(Future<std::vector<T>> const& argument) { return value_as_array(argument); }
};

template <class Given, class... Args>
struct ResolveFutures {
  using type = TypeList<ResolveFuture<void, Args>...>;
};
template <class... Gs, class... Args>
requires(sizeof...(Gs) == sizeof...(Args)) struct ResolveFutures<TypeList<Gs...>, Args...> {
  using type = TypeList<ResolveFuture<std::decay_t<Gs>, Args>...>;
};

/// The ResolveFuture of each argument of a call of F. A generic or overloaded function declares no parameters, so that
/// Param is void for all of its arguments.
template <class F, class... Args>
struct ArgumentsOf : ResolveFutures<void, Args...> {};
template <class F, class... Args>
requires requires { typename DeclaredParameters<F>::type; }
struct ArgumentsOf<F, Args...> : ResolveFutures<given_parameters<typename DeclaredParameters<F>::type>, Args...> {};

}  // namespace farm::detail
