#pragma once

#include <cstdint>
#include <exception>

namespace farm::detail {

/// Thrown by the invoker of a chunk: the exception that the call for one input of a map threw, with the index of the
/// input.
struct InputFailure {
  std::uint64_t input;
  std::exception_ptr error;
};

}  // namespace farm::detail
