#pragma once

#include <farm/detail/code_address.hpp>
#include <farm/detail/input_failure.hpp>
#include <farm/detail/signature.hpp>
#include <farm/detail/transport.hpp>
#include <farm/error.hpp>
#include <farm/serialize.hpp>
#include <farm/task_context.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

/// A call as bytes: the code address of an invoker that knows all types, and the packed function and arguments.
namespace farm::detail {

/// What runs on the rank: unpacks the function and its arguments from `payload`, calls, and packs what was returned
/// into `result` where that is not null. Whatever goes wrong is thrown.
using Invoker = void (*)(std::string_view payload, RankContext& environment, Bytes* result);

/// Throws UsageError where the bytes of a captured state hold an address that means nothing in another process: one of
/// the calling thread's stack (a reference or pointer to a local variable), or one of the program's own code and static
/// data (a pointer to a function or to a string literal), which another process has elsewhere. Pointers to the heap are
/// not found.
void refuse_local_addresses(void const* state, std::size_t size);

/// How a function object travels: free functions as a code address, stateless ones as nothing, trivially copyable
/// captures as their bytes, others as cereal serializes them.
template <class F>
struct FunctionTransport {
  static_assert(
      std::is_empty_v<F> || Serializable<F> || std::is_trivially_copyable_v<F>,
      "this function object captures something that cannot be serialized: give it as an argument of the task, "
      "or write a function object with a cereal serialize() member");
  static constexpr bool by_cereal = Serializable<F> && !std::is_empty_v<F>;
  static_assert(
      !by_cereal || std::is_default_constructible_v<F>,
      "a function object with serialize() is made by default and then unpacked: it needs a default constructor");

  static void pack_function(PackArchive& out, F const& f) {
    if constexpr (by_cereal) {
      out(f);
    } else if constexpr (!std::is_empty_v<F>) {
      refuse_local_addresses(&f, sizeof f);
      out.write(&f, sizeof f);
    }
  }

  /// Calls `use(f)` with the function, an lvalue.
  template <class Use>
  static void with_function(UnpackArchive& in, Use&& use) {
    if constexpr (by_cereal) {
      F f{};
      in(f);
      use(f);
    } else {
      alignas(F) std::byte storage[sizeof(F)] = {};
      if constexpr (!std::is_empty_v<F>) in.read(storage, sizeof(F));
      use(*std::launder(reinterpret_cast<F*>(storage)));
    }
  }
};

template <class R, class... Ps, bool is_noexcept>
struct FunctionTransport<R (*)(Ps...) noexcept(is_noexcept)> {
  using Function = R (*)(Ps...) noexcept(is_noexcept);
  /// Of the program itself, as nearly all are, by its offset only: with an int or two that needs no allocation.
  static void pack_function(PackArchive& out, Function f) {
    auto const address = code_address(reinterpret_cast<void const*>(f));
    bool const of_program = address.module == program_module();
    out(of_program);
    if (!of_program) out(address.module);
    out(address.offset);
  }
  template <class Use>
  static void with_function(UnpackArchive& in, Use&& use) {
    CodeAddress address{.module = program_module()};
    bool of_program = false;
    in(of_program);
    if (!of_program) in(address.module);
    in(address.offset);
    auto f = reinterpret_cast<Function>(const_cast<void*>(resolve(address)));
    use(f);
  }
};

inline constexpr char chunk_mark = 1;

/// The call of F with arguments of types As, as the caller gave them.
template <class F, class... As>
struct Call {
  using Function = std::decay_t<F>;
  using Parameters = parameters_of<Function, As...>;
  using Arguments = given_parameters<Parameters>;  // those that are not bound by the farm, in order
  using Result = result_of<Function, Parameters>;
  using Value = typename ResultTransport<std::decay_t<Result>>::Value;  // what the future has
  static constexpr bool listens = takes_context<Parameters>;            // it can be asked to stop
  static_assert(type_list_size<Arguments> == sizeof...(As), "wrong number of arguments for this task's function");
  static_assert(!std::is_reference_v<Result> || std::is_lvalue_reference_v<Result>);

  static Bytes make(Function const& f, As const&... arguments) {
    Bytes bytes;
    PackArchive out{bytes};  // one for all, as on the other side: an archive writes the version of a class but once
    FunctionTransport<Function>::pack_function(out, f);
    pack_arguments(Arguments{}, out, arguments...);
    return bytes;
  }

  static void invoke(std::string_view payload, RankContext& environment, Bytes* result) {
    call(payload, environment, Packing{environment, result});
  }

  /// Unpacks, calls, and hands what was returned to `take`, where it is not void.
  template <class Take>
  static void call(std::string_view payload, RankContext& environment, Take const& take) {
    UnpackArchive in{payload};
    FunctionTransport<Function>::with_function(in, [&](Function& f) {
      Stored arguments;
      unpack_arguments(in, arguments);
      if (!in.rest().empty()) throw SerializationError("the arguments' bytes are longer than their types");
      run(Parameters{}, f, arguments, environment, take);
    });
  }

  /// A chunk is several calls in one task: the function, the number of its first input, then for each call a mark and
  /// its arguments, as an archive of its own.
  static Bytes pack_function(Function const& f) {
    Bytes bytes;
    PackArchive out{bytes};
    FunctionTransport<Function>::pack_function(out, f);
    return bytes;
  }
  static void begin_chunk(Bytes& function, std::uint64_t first_input) { pack_into(function, first_input); }
  static void add_to_chunk(Bytes& bytes, As const&... arguments) {
    bytes.push_back(chunk_mark);
    PackArchive out{bytes};
    pack_arguments(Arguments{}, out, arguments...);
  }

  /// The Invoker of a chunk. The results follow each other, each after a mark. Throws InputFailure.
  static void invoke_chunk(std::string_view payload, RankContext& environment, Bytes* result) {
    UnpackArchive head{payload};
    FunctionTransport<Function>::with_function(head, [&](Function& f) {
      std::uint64_t input = 0;
      head(input);
      try {
        for (auto rest = head.rest(); !rest.empty(); ++input)
          rest = invoke_next(f, rest.substr(1), environment, result);
      } catch (...) {
        throw InputFailure{input, std::current_exception()};
      }
    });
  }

  static CodeAddress chunk_address() {
    static CodeAddress const value = code_address(reinterpret_cast<void const*>(&invoke_chunk));
    return value;
  }

  /// Once per type: what the ranks are told to run.
  static CodeAddress address() {
    static CodeAddress const value = code_address(reinterpret_cast<void const*>(&invoke));
    return value;
  }

 private:
  template <class... Gs>
  static auto store(TypeList<Gs...> /*given*/) ->
      typename ArgumentStore<typename TravelsAs<std::decay_t<Gs>, As>::type...>::Tuple;
  using Stored = decltype(store(Arguments{}));

  static std::string_view invoke_next(Function& f, std::string_view bytes, RankContext& environment, Bytes* result) {
    UnpackArchive in{bytes};
    Stored arguments;
    unpack_arguments(in, arguments);
    if (result != nullptr) result->push_back(chunk_mark);
    run(Parameters{}, f, arguments, environment, Packing{environment, result});
    return in.rest();
  }

  template <class... Gs>
  static void pack_arguments(TypeList<Gs...> /*given*/, PackArchive& out, As const&... arguments) {
    (pack_argument<Gs>(out, arguments), ...);
  }

  /// Converts as a call would.
  template <class G, class A>
  static void pack_argument(PackArchive& out, A const& argument) {
    using Given = std::decay_t<G>;
    using Travelling = typename TravelsAs<Given, A>::type;
    static_assert(Serializable<Travelling>, "cereal cannot serialize an argument of this task");
    if constexpr (std::is_same_v<Travelling, A>) {
      out(argument);
    } else if constexpr (std::is_convertible_v<A const&, Travelling>) {
      out(static_cast<Travelling>(argument));
    } else if constexpr (std::is_convertible_v<A const&, Given>) {
      Given const view = argument;
      out(Travelling(view.begin(), view.end()));
    } else {
      static_assert(std::is_same_v<Travelling, A>,
                    "an argument of this task cannot be converted to its function's parameter");
    }
  }

  template <class... Ts>
  static void unpack_arguments(UnpackArchive& in, std::tuple<Ts...>& arguments) {
    std::apply([&](auto&... each) { (in(each), ...); }, arguments);
  }

  struct Packing {
    RankContext& environment;
    Bytes* result;
    template <class R>
    void operator()(R&& value) const {
      ResultTransport<std::decay_t<R>>::pack(std::as_const(value), environment, result);
    }
  };

  template <class... Ps, class Tuple, class Take>
  static void run(TypeList<Ps...> parameters, Function& f, Tuple& arguments, RankContext& environment,
                  Take const& take) {
    run_indexed(parameters, argument_indices<Parameters>{}, f, arguments, environment, take);
  }

  template <class... Ps, std::size_t... Is, class Tuple, class Take>
  static void run_indexed(TypeList<Ps...> /*parameters*/, std::index_sequence<Is...> /*indices*/, Function& f,
                          Tuple& arguments, RankContext& environment, Take const& take) {
    if constexpr (std::is_void_v<Result>) {
      f(pass<Ps, Is>(arguments, environment)...);
    } else {
      take(f(pass<Ps, Is>(arguments, environment)...));
    }
  }

  template <class P, std::size_t I, class Tuple>
  static decltype(auto) pass(Tuple& arguments, RankContext& environment) {
    using Plain = std::remove_cvref_t<P>;
    if constexpr (Binder<Plain>::bound) {
      return Binder<Plain>::bind(environment);
    } else if constexpr (MadeOf<Plain, std::tuple_element_t<I, Tuple>>::made) {
      return MadeOf<Plain, std::tuple_element_t<I, Tuple>>::make(std::get<I>(arguments), environment);
    } else {
      return pass_stored<P>(std::get<I>(arguments));
    }
  }
};

}  // namespace farm::detail
