#pragma once

#include <farm/detail/call.hpp>
#include <farm/detail/engine.hpp>
#include <farm/detail/resolve_future.hpp>
#include <farm/error.hpp>
#include <farm/options.hpp>
#include <farm/serialize.hpp>

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Turns a function and its arguments into a task of an engine. The table in core's transport.hpp lists the steps.
namespace farm::detail {

/// Satisfied if submit(f, args...) is meant, rather than submit(options, f, args...).
template <class F, class... Args>
concept Submittable = !std::is_same_v<std::decay_t<F>, TaskOptions> && !std::is_same_v<std::decay_t<F>, AllRanks>;

/// The call of F with the values that its arguments stand for. `Arguments` is a list of ResolveFuture.
template <class F, class Arguments>
struct SubmittedCall;
template <class F, class... Arguments>
struct SubmittedCall<F, TypeList<Arguments...>> {
  using Called = Call<F, typename Arguments::type...>;
  template <class Pack, class... Args>
  static auto with_values(Pack const& pack, Args const&... args) {
    return pack(Arguments::get(args)...);
  }
};
template <class F, class... Args>
using submitted_call = SubmittedCall<F, typename ArgumentsOf<std::decay_t<F>, Args...>::type>;

/// The type of the value of the future of f(args...).
template <class F, class... Args>
using ResultOfTask = typename submitted_call<F, Args...>::Called::Value;

template <class R>
struct ListOfValues {
  using type = std::vector<R>;
};
template <>
struct ListOfValues<void> {
  using type = void;
};
/// The type of the value of a future with the results of all ranks.
template <class R>
using ListOf = typename ListOfValues<R>::type;

/// Throws a SerializationError for the exception being handled, which left the packing of an argument.
[[noreturn]] void throw_packing_failure();
/// Returns the state of a future that has failed with this error.
[[nodiscard]] StatePtr failed_state(std::exception_ptr error);

/// Packs a call. Throws UsageError if the function cannot be sent to another process, and SerializationError if packing
/// an argument throws.
template <class Called, class F, class... Args>
[[nodiscard]] PackedCall pack_call(F const& f, Args const&... args) {
  PackedCall call;
  call.listens = Called::listens;
  try {
    PackArchive out{call.bytes, &call.keepers};
    Called::pack(out, f, args...);
    return call;
  } catch (UsageError const&) {
    throw;
  } catch (...) {
    throw_packing_failure();
  }
}

/// Submits f(args...) to the engine and returns the state of its future. With `all` the future gets the values of all
/// ranks. If an argument cannot be packed, the returned state has failed.
template <class F, class... Args>
[[nodiscard]] StatePtr submit_call(Engine& engine, TaskOptions const& options, bool all, F const& f,
                                   Args const&... args) {
  using Submitted = submitted_call<F, Args...>;
  using Called = typename Submitted::Called;
  if constexpr ((ResolveFuture<void, Args>::waits || ...)) {
    Called::check_function(f);  // here, so that submit() throws; the call itself is packed later
    ArgumentSources sources;
    std::size_t number = 0;
    ((ResolveFuture<void, Args>::append_to(sources.states, args),
      sources.arguments.resize(sources.states.size(), ++number)),
     ...);
    return engine.submit_after(
        sources, Called::address(),
        [f = std::decay_t<F>(f), arguments = std::tuple<std::decay_t<Args const>...>(args...)] {
          return std::apply(
              [&](auto const&... each) {
                auto const pack = [&](auto const&... values) { return pack_call<Called>(f, values...); };
                return Submitted::with_values(pack, each...);
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
