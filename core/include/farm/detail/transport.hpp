#pragma once

#include <farm/detail/rank_context.hpp>
#include <farm/detail/result_transport.hpp>
#include <farm/detail/signature.hpp>
#include <farm/serialize.hpp>

#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

// clang-format off
/// How arguments travel from submit() to the call on the rank, and how the result travels back. The steps in order, for
/// a function `double sum(std::span<double const>, TaskContext&)` that is submitted with a Future<std::vector<double>>:
///
/// | step | where  | template                                  | in the example                                   |
/// |------|--------|-------------------------------------------|--------------------------------------------------|
/// | 1    | master | parameters_of<F, Args...> (signature.hpp) | span<double const>, TaskContext&                 |
/// | 2    | master | given_parameters<List> (signature.hpp)    | span<double const>; the farm binds TaskContext&  |
/// | 3    | master | ResolveFuture<Param, Arg> (in spawn/)     | waits; the argument becomes an Array<double>     |
/// | 4    | master | WireType<Param, Arg>                      | Array<double>: this type is packed               |
/// | 5    | master | Call::pack (call.hpp)                     | the address of sum, then the packed array handle |
/// | 6    | rank   | Call::invoke (call.hpp)                   | unpacks a tuple of the wire types                |
/// | 7    | rank   | Binder<Param> (rank_context.hpp)          | the TaskContext& of this task                    |
/// | 8    | rank   | from_wire<Param>(wire, rank_context)      | maps the array's file, and passes a span of it   |
/// | 9    | rank   | ResultTransport<R>::pack                  | packs the double that sum returns                |
/// | 10   | master | ResultTransport<Value>::read              | unpacks the double in Future<double>::result()   |
///
/// A component adds a type by specializing WireType and FromWire (for arguments) or ResultTransport (for results).
// clang-format on
namespace farm::detail {

/// The type that is packed if an argument of type Arg is given for a parameter of (decayed) type Param. The rank keeps
/// an object of this type during the call. By default it is the parameter's type; views become what they view.
template <class Param, class Arg>
struct WireType {
  using type = Param;
};
template <class Arg>
struct WireType<std::string_view, Arg> {
  using type = std::string;
};
template <class Arg>
struct WireType<char const*, Arg> {
  using type = std::string;
};
template <class T, class Arg>
struct WireType<std::span<T const>, Arg> {
  using type = std::vector<T>;
};

/// The WireType of a parameter of declared type P. Arg is void if the argument's type is not known.
template <class P, class Arg = void>
using wire_type = typename WireType<std::decay_t<P>, Arg>::type;

/// How a rank makes a parameter of (decayed) type Param from an unpacked Wire. A specialization has a function
/// `static auto make(Wire&, RankContext&)`, which every rank of the group calls. Without a specialization the rank
/// passes the unpacked object itself.
template <class Param, class Wire>
struct FromWire {};

/// Returns what to pass for a parameter of declared type P: made by FromWire, or the unpacked object in the value
/// category that P takes.
template <class P, class Wire>
decltype(auto) from_wire(Wire& wire, RankContext& rank_context) {
  using Param = std::decay_t<P>;
  if constexpr (requires { FromWire<Param, Wire>::make(wire, rank_context); }) {
    return FromWire<Param, Wire>::make(wire, rank_context);
  } else if constexpr (std::is_same_v<Param, char const*>) {
    return wire.c_str();
  } else if constexpr (std::is_lvalue_reference_v<P>) {
    return static_cast<Wire&>(wire);
  } else if constexpr (std::is_same_v<Param, Wire>) {
    return static_cast<Wire&&>(wire);
  } else {
    return Param(wire);
  }
}

/// The unpacked arguments of a call, as `Tuple`.
template <class... Wires>
struct WireArguments {
  static_assert((!std::is_pointer_v<Wires> && ...),
                "an argument of this task is a pointer, which means nothing in another process: pass the value");
  static_assert(
      (std::is_default_constructible_v<Wires> && ...),
      "an argument of this task needs a default constructor: the rank default-constructs and then unpacks it");
  using Tuple = std::tuple<Wires...>;
};

}  // namespace farm::detail
