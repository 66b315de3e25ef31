#pragma once

#include <farm/detail/code_address.hpp>
#include <farm/detail/input_failure.hpp>
#include <farm/detail/rank_context.hpp>
#include <farm/detail/result_transport.hpp>
#include <farm/detail/signature.hpp>
#include <farm/detail/transport.hpp>
#include <farm/error.hpp>
#include <farm/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

/// A call as bytes: the code address of an invoker that knows all types, and the packed function and arguments. The
/// table in transport.hpp lists the steps from submit() to the call on the rank.
namespace farm::detail {

/// Runs a call on the rank: unpacks the function and its arguments from `payload`, calls the function, and packs the
/// result into `result` unless that is null. Throws what any of these steps throws.
using Invoker = void (*)(std::string_view payload, RankContext& rank_context, Bytes* result);

/// Throws UsageError if the bytes of a captured state hold an address, which is meaningless in another process: of a
/// stack, of the heap, of the program's code and static data, or of any other memory of this process. `alignment` is
/// that of the captured state: an address is looked for at each multiple of it, up to that of a pointer. Costs a system
/// call only for a word in the range of addresses, which few numbers are. In a program that is always loaded at the
/// same address, addresses below 4 GiB look like small numbers and are not found.
void refuse_local_addresses(void const* state, std::size_t size, std::size_t alignment);

/// Sets the bytes of an object that belong to none of its members to 0. They may hold parts of any older value, which
/// would look like addresses.
template <class T>
void clear_padding([[maybe_unused]] T* object) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
  __builtin_clear_padding(object);
#endif
#endif
}

/// How a function object travels. A free function travels as its code address, an object without state as nothing, a
/// type that cereal can serialize as cereal does it, any other trivially copyable type as its bytes, and a plain struct
/// member by member.
template <class F>
struct FunctionTransport {
  static_assert(
      std::is_empty_v<F> || Serializable<F> || std::is_trivially_copyable_v<F>,
      "this function object captures something that cannot be serialized: pass it as an argument of the task, "
      "or write a function object with a cereal serialize() member");
  static constexpr bool by_cereal =
      Serializable<F> && !std::is_empty_v<F> && !(std::is_trivially_copyable_v<F> && packs_members<F>());
  static_assert(!by_cereal || std::is_default_constructible_v<F>,
                "a function object with serialize() needs a default constructor: the rank default-constructs and then "
                "unpacks it");

  static void pack_function(PackArchive& out, F const& f) {
    if constexpr (by_cereal) {
      out(f);
    } else if constexpr (!std::is_empty_v<F>) {
      alignas(F) std::byte bytes[sizeof(F)];
      std::memcpy(bytes, std::addressof(f), sizeof(F));
      clear_padding(reinterpret_cast<F*>(bytes));
      refuse_local_addresses(bytes, sizeof(F), alignof(F));
      out.write(bytes, sizeof(F));
    }
  }

  /// Throws UsageError if pack_function() would.
  static void check_function(F const& f) {
    if constexpr (!by_cereal && !std::is_empty_v<F>) {
      Bytes bytes;
      PackArchive out{bytes};
      pack_function(out, f);
    }
  }

  /// Unpacks the function and calls `use(f)` with it, an lvalue.
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
  /// A function of the main program, which is the usual case, is packed as its offset alone, so that small calls need
  /// no allocation.
  static void pack_function(PackArchive& out, Function f) {
    auto const address = code_address(reinterpret_cast<void const*>(f));
    bool const of_program = address.module == program_module();
    out(of_program);
    if (!of_program) out(address.module);
    out(address.offset);
  }
  static void check_function(Function f) { static_cast<void>(code_address(reinterpret_cast<void const*>(f))); }
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

/// Precedes each call and each result in the bytes of a chunk.
inline constexpr char chunk_mark = 1;
/// Precedes an error in the results of a chunk that collects errors.
inline constexpr char error_mark = 2;

/// Begins a part of a chunk that collects errors: a mark, room for the size, and what the caller appends next. Returns
/// where the part begins. A part can be skipped although its content cannot be unpacked.
inline std::size_t begin_part(Bytes& bytes, char mark) {
  auto const part = bytes.size();
  bytes.push_back(mark);
  bytes.append(sizeof(std::uint64_t), '\0');
  return part;
}
/// Ends the part: notes its size.
inline void end_part(Bytes& bytes, std::size_t part) {
  std::uint64_t const size = bytes.size() - part - 1 - sizeof(std::uint64_t);
  std::memcpy(bytes.data() + part + 1, &size, sizeof size);
}
/// Removes the first part of `rest` and returns its content. Throws SerializationError if the bytes are not a part.
inline std::string_view take_part(std::string_view& rest) {
  std::uint64_t size = 0;
  auto const head = 1 + sizeof size;
  if (rest.size() < head) throw SerializationError("a part of a chunk has fewer bytes than its size needs");
  std::memcpy(&size, rest.data() + 1, sizeof size);
  if (rest.size() - head < size) throw SerializationError("a part of a chunk has fewer bytes than its size says");
  auto const content = rest.substr(head, size);
  rest.remove_prefix(head + size);
  return content;
}

/// A call of F with arguments of types As, as the caller passes them. Each function below has one of three audiences:
/// the master packs calls (make, pack, check_function, pack_function, begin_chunk, add_to_chunk), the master names the
/// invoker (address, chunk_address), and the rank invokes (invoke, invoke_chunk, call).
template <class F, class... As>
struct Call {
  using Function = std::decay_t<F>;
  using Parameters = parameters_of<Function, As...>;
  using Given = given_parameters<Parameters>;  // the caller gives arguments for these
  using Result = result_of<Function, Parameters>;
  using Value = typename ResultTransport<std::decay_t<Result>>::Value;  // the type of the future's value
  static constexpr bool listens = takes_context<Parameters>;            // the function can be asked to stop
  static_assert(type_list_size<Given> == sizeof...(As), "wrong number of arguments for this task's function");
  static_assert(!std::is_reference_v<Result> || std::is_lvalue_reference_v<Result>);

  /// Appends the function and its arguments. One archive packs them all, and one unpacks them, because cereal writes
  /// the version of a class only once per archive.
  static void pack(PackArchive& out, Function const& f, As const&... arguments) {
    FunctionTransport<Function>::pack_function(out, f);
    pack_arguments(Given{}, out, arguments...);
  }

  /// Throws UsageError if the function cannot be sent to another process.
  static void check_function(Function const& f) { FunctionTransport<Function>::check_function(f); }

  /// Returns the packed call. Collects no keepers.
  static Bytes make(Function const& f, As const&... arguments) {
    Bytes bytes;
    PackArchive out{bytes};
    pack(out, f, arguments...);
    return bytes;
  }

  /// The Invoker of a call.
  static void invoke(std::string_view payload, RankContext& rank_context, Bytes* result) {
    call(payload, rank_context, Packing{rank_context, result});
  }

  /// Unpacks a call, makes it, and passes the result to `take` unless the result is void.
  template <class Take>
  static void call(std::string_view payload, RankContext& rank_context, Take const& take) {
    UnpackArchive in{payload};
    FunctionTransport<Function>::with_function(in, [&](Function& f) {
      Arguments arguments;
      unpack_arguments(in, arguments);
      if (!in.rest().empty()) throw SerializationError("the arguments' bytes are longer than their types");
      run(Parameters{}, f, arguments, rank_context, take);
    });
  }

  /// Returns the start of a chunk. A chunk is several calls in one task. Its bytes are the function, the index of its
  /// first input, and for each call a mark and the arguments, which an archive of their own packs.
  static Bytes pack_function(Function const& f) {
    Bytes bytes;
    PackArchive out{bytes};
    FunctionTransport<Function>::pack_function(out, f);
    return bytes;
  }
  /// Appends the index of the first input to the packed function.
  static void begin_chunk(Bytes& function, std::uint64_t first_input) { pack_into(function, first_input); }
  /// Appends a call to a chunk, and the keepers of its arguments to `keepers`.
  static void add_to_chunk(Bytes& bytes, Keepers& keepers, As const&... arguments) {
    bytes.push_back(chunk_mark);
    PackArchive out{bytes, &keepers};
    pack_arguments(Given{}, out, arguments...);
  }

  /// The Invoker of a chunk. Packs the results one after the other, each after a mark. Throws InputFailure for the
  /// first input whose call throws.
  static void invoke_chunk(std::string_view payload, RankContext& rank_context, Bytes* result) {
    UnpackArchive head{payload};
    FunctionTransport<Function>::with_function(head, [&](Function& f) {
      std::uint64_t input = 0;
      head(input);
      try {
        for (auto rest = head.rest(); !rest.empty(); ++input)
          rest = invoke_next(f, rest.substr(1), rank_context, result);
      } catch (...) {
        throw InputFailure{input, std::current_exception()};
      }
    });
  }

  /// Appends a call as a part of a chunk that collects errors.
  static void add_part_to_chunk(Bytes& bytes, Keepers& keepers, As const&... arguments) {
    auto const part = begin_part(bytes, chunk_mark);
    PackArchive out{bytes, &keepers};
    pack_arguments(Given{}, out, arguments...);
    end_part(bytes, part);
  }

  /// The Invoker of a chunk that collects errors, on a group of one rank. Packs a part for each call, with its result
  /// or its error.
  static void invoke_collecting_chunk(std::string_view payload, RankContext& rank_context, Bytes* result) {
    UnpackArchive head{payload};
    FunctionTransport<Function>::with_function(head, [&](Function& f) {
      std::uint64_t input = 0;
      head(input);
      for (auto rest = head.rest(); !rest.empty(); ++input)
        invoke_part(f, take_part(rest), rank_context, *result, input);
    });
  }

  /// Returns the address of invoke_collecting_chunk.
  static CodeAddress collecting_chunk_address() {
    static CodeAddress const value = code_address(reinterpret_cast<void const*>(&invoke_collecting_chunk));
    return value;
  }

  /// Returns the address of invoke_chunk.
  static CodeAddress chunk_address() {
    static CodeAddress const value = code_address(reinterpret_cast<void const*>(&invoke_chunk));
    return value;
  }

  /// Returns the address of invoke.
  static CodeAddress address() {
    static CodeAddress const value = code_address(reinterpret_cast<void const*>(&invoke));
    return value;
  }

 private:
  template <class... Gs>
  static auto wire_arguments(TypeList<Gs...> /*given*/) -> typename WireArguments<wire_type<Gs, As>...>::Tuple;
  using Arguments = decltype(wire_arguments(Given{}));

  static std::string_view invoke_next(Function& f, std::string_view bytes, RankContext& rank_context, Bytes* result) {
    UnpackArchive in{bytes};
    Arguments arguments;
    unpack_arguments(in, arguments);
    if (result != nullptr) result->push_back(chunk_mark);
    run(Parameters{}, f, arguments, rank_context, Packing{rank_context, result});
    return in.rest();
  }

  static void invoke_part(Function& f, std::string_view bytes, RankContext& rank_context, Bytes& results,
                          std::uint64_t input) {
    auto const part = begin_part(results, chunk_mark);
    try {
      UnpackArchive in{bytes};
      Arguments arguments;
      unpack_arguments(in, arguments);
      run(Parameters{}, f, arguments, rank_context, Packing{rank_context, &results});
    } catch (...) {
      results.resize(part);
      begin_part(results, error_mark);
      pack_input_failure(results, input);
    }
    end_part(results, part);
  }

  template <class... Gs>
  static void pack_arguments(TypeList<Gs...> /*given*/, PackArchive& out, As const&... arguments) {
    (pack_argument<Gs>(out, arguments), ...);
  }

  /// Converts an argument to its wire type with the conversions of a call, and packs it.
  template <class G, class A>
  static void pack_argument(PackArchive& out, A const& argument) {
    using Param = std::decay_t<G>;
    using Wire = wire_type<G, A>;
    static_assert(Serializable<Wire>,
                  "an argument of this task cannot be serialized: give its type a serialize() for cereal, or make it a "
                  "plain struct of at most 16 members that can be serialized, without pointers (smart pointers need "
                  "<cereal/types/memory.hpp>)");
    if constexpr (std::is_same_v<Wire, A>) {
      out(argument);
    } else if constexpr (std::is_convertible_v<A const&, Wire>) {
      out(static_cast<Wire>(argument));
    } else if constexpr (std::is_convertible_v<A const&, Param>) {
      Param const view = argument;
      out(Wire(view.begin(), view.end()));
    } else {
      static_assert(std::is_same_v<Wire, A>,
                    "an argument of this task cannot be converted to its function's parameter");
    }
  }

  template <class... Ts>
  static void unpack_arguments(UnpackArchive& in, std::tuple<Ts...>& arguments) {
    std::apply([&](auto&... each) { (in(each), ...); }, arguments);
  }

  struct Packing {
    RankContext& rank_context;
    Bytes* result;
    template <class R>
    void operator()(R&& value) const {
      ResultTransport<std::decay_t<R>>::pack(std::as_const(value), rank_context, result);
    }
  };

  template <class... Ps, class Tuple, class Take>
  static void run(TypeList<Ps...> parameters, Function& f, Tuple& arguments, RankContext& rank_context,
                  Take const& take) {
    run_indexed(parameters, argument_indices<Parameters>{}, f, arguments, rank_context, take);
  }

  template <class... Ps, std::size_t... Is, class Tuple, class Take>
  static void run_indexed(TypeList<Ps...> /*parameters*/, std::index_sequence<Is...> /*indices*/, Function& f,
                          Tuple& arguments, RankContext& rank_context, Take const& take) {
    if constexpr (std::is_void_v<Result>) {
      f(pass<Ps, Is>(arguments, rank_context)...);
    } else {
      take(f(pass<Ps, Is>(arguments, rank_context)...));
    }
  }

  template <class P, std::size_t I, class Tuple>
  static decltype(auto) pass(Tuple& arguments, RankContext& rank_context) {
    if constexpr (is_bound<P>) {
      return Binder<std::remove_cvref_t<P>>::bind(rank_context);
    } else {
      return from_wire<P>(std::get<I>(arguments), rank_context);
    }
  }
};

}  // namespace farm::detail
