#pragma once

#include <farm/detail/code_address.hpp>
#include <farm/serialize.hpp>

#include <cstddef>
#include <typeinfo>
#include <vector>

/// What is known about the bytes of a call when it is packed, and what nobody can tell from the bytes later. A cache of
/// results needs it.
namespace farm::detail {

/// The function of a call, as far as its type tells. There is one such object for each instantiation of Call.
struct CalledFunction {
  std::type_info const* type = nullptr;  ///< of the function
  CodeAddress (*code)() = nullptr;       ///< of the invoker of single calls
  /// Reads over a packed value of the function. Throws SerializationError.
  void (*pass_value)(UnpackArchive& in) = nullptr;
};

/// Notes about the bytes of one call, or of a chunk of calls.
struct CallNotes {
  CalledFunction const* function = nullptr;
  void const* address = nullptr;       ///< of a free function; null for an object
  std::size_t function_bytes = 0;      ///< the function is packed in so many bytes, the first ones
  std::vector<HandleRange> handles{};  ///< the arrays among the arguments, in order
  std::vector<std::size_t> inputs{};   ///< where the calls of a chunk begin, at their marks; empty: a single call
  bool in_parts = false;               ///< the chunk collects errors: its calls and results are parts
};

}  // namespace farm::detail
