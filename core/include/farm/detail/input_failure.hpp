#pragma once

#include <farm/detail/bytes.hpp>

#include <cstdint>
#include <exception>

namespace farm::detail {

/// Thrown by the invoker of a chunk: the exception that the call for one input of a map threw, with the index of the
/// input.
struct InputFailure {
  std::uint64_t input;
  std::exception_ptr error;
};

/// Appends the exception being handled, which the call for one input threw, to the results of a chunk that collects
/// errors. Call it in a catch block.
void pack_input_failure(Bytes& results, std::uint64_t input);

}  // namespace farm::detail
