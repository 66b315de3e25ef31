#pragma once

#include <farm/detail/array_transport.hpp>
#include <farm/detail/call.hpp>
#include <farm/detail/engine.hpp>
#include <farm/detail/keepers.hpp>
#include <farm/error.hpp>
#include <farm/future.hpp>
#include <farm/options.hpp>

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// From a function and its arguments to a task of an engine.
namespace farm::detail {

template <class F, class... Args>
concept Submittable = !std::is_same_v<std::decay_t<F>, TaskOptions> && !std::is_same_v<std::decay_t<F>, AllRanks>;

/// An argument that is a future, or a vector of them, stands for its value: the task waits for it.
template <class T>
struct Awaited {
  static constexpr bool waits = false;
  using type = T;
  static void append_to(std::vector<StatePtr>& /*sources*/, T const& /*argument*/) {}
  static T const& get(T const& argument) { return argument; }
};
template <class R>
struct Awaited<Future<R>> {
  static_assert(!std::is_void_v<R>, "a Future<void> has no value that could be an argument: use then()");
  static constexpr bool waits = true;
  using type = R;
  static void append_to(std::vector<StatePtr>& sources, Future<R> const& argument) {
    if (!argument.valid()) throw_invalid_future();
    sources.push_back(argument.state());
  }
  static R get(Future<R> const& argument) { return argument.result(); }
};
template <class R>
struct Awaited<std::vector<Future<R>>> {
  static constexpr bool waits = true;
  using type = std::vector<R>;
  static void append_to(std::vector<StatePtr>& sources, std::vector<Future<R>> const& argument) {
    for (auto const& each : argument) Awaited<Future<R>>::append_to(sources, each);
  }
  static std::vector<R> get(std::vector<Future<R>> const& argument) {
    std::vector<R> values;
    values.reserve(argument.size());
    for (auto const& each : argument) values.push_back(each.result());
    return values;
  }
};

/// How an argument comes to a parameter of (decayed) type G: a vector that a task has returned, to one that takes
/// arrays, as an array. So, where it is large, and lies in a file, only the ranks read it.
template <class G, class A>
struct HandedTo : Awaited<A> {};
template <class G, Element T>
requires TakesArray<G, T>
struct HandedTo<G, Future<std::vector<T>>> : Awaited<Future<std::vector<T>>> {
  using type = Array<T>;
  static Array<T> get(Future<std::vector<T>> const& argument) { return handed_on(argument); }
};

/// The ways of all arguments; where the function tells its parameters, in view of these.
template <class List, class... Args>
struct WaysOf {
  using type = TypeList<Awaited<Args>...>;
};
template <class... Gs, class... Args>
requires(sizeof...(Gs) == sizeof...(Args)) struct WaysOf<TypeList<Gs...>, Args...> {
  using type = TypeList<HandedTo<std::decay_t<Gs>, Args>...>;
};
template <class F>
struct ToldParameters {
  using type = void;
};
template <class F>
requires requires { typename DeclaredParameters<F>::type; }
struct ToldParameters<F> {
  using type = given_parameters<typename DeclaredParameters<F>::type>;
};

template <class F, class Ways>
struct CallBy;
template <class F, class... Ways>
struct CallBy<F, TypeList<Ways...>> {
  using Called = Call<F, typename Ways::type...>;
  template <class Pack, class... Args>
  static auto with_values(Pack const& pack, Args const&... args) {
    return pack(Ways::get(args)...);
  }
};
template <class F, class... Args>
using CallByFor = CallBy<F, typename WaysOf<typename ToldParameters<std::decay_t<F>>::type, Args...>::type>;

template <class F, class... Args>
using CallOf = typename CallByFor<F, Args...>::Called;

template <class F, class... Args>
using ResultOfTask = typename CallOf<F, Args...>::Value;

template <class R>
struct ListOfValues {
  using type = std::vector<R>;
};
template <>
struct ListOfValues<void> {
  using type = void;
};
template <class R>
using ListOf = typename ListOfValues<R>::type;

/// SerializationError for the exception that is being handled, which left the packing of an argument.
[[noreturn]] void throw_packing_failure();
[[nodiscard]] StatePtr failed_state(std::exception_ptr error);

/// Throws UsageError, which is about the function, or SerializationError.
template <class Called, class F, class... Args>
[[nodiscard]] PackedCall pack_call(F const& f, Args const&... args) {
  PackedCall call;
  call.listens = Called::listens;
  KeeperScope const scope{call.keepers};
  try {
    call.bytes = Called::make(f, args...);
    return call;
  } catch (UsageError const&) {
    throw;
  } catch (...) {
    throw_packing_failure();
  }
}

/// The state of f(args...) on the engine; with `all` it holds the values of all ranks. One whose arguments cannot be
/// packed has failed.
template <class F, class... Args>
[[nodiscard]] StatePtr submit_call(Engine& engine, TaskOptions const& options, bool all, F const& f,
                                   Args const&... args) {
  using Called = CallOf<F, Args...>;
  if constexpr ((Awaited<Args>::waits || ...)) {
    std::vector<StatePtr> sources;
    (Awaited<Args>::append_to(sources, args), ...);
    return engine.submit_after(
        sources, Called::address(),
        [f = std::decay_t<F>(f), arguments = std::tuple<std::decay_t<Args const>...>(args...)] {
          return std::apply(
              [&](auto const&... each) {
                auto const pack = [&](auto const&... values) { return pack_call<Called>(f, values...); };
                return CallByFor<F, Args...>::with_values(pack, each...);
              },
              arguments);
        },
        options, all);
  } else {
    PackedCall call;
    try {
      call = pack_call<Called>(f, args...);
    } catch (SerializationError const&) {
      return failed_state(std::current_exception());
    }
    return engine.submit(Called::address(), std::move(call), options, all);
  }
}

}  // namespace farm::detail
