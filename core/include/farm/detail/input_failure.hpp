#pragma once

#include <cstdint>
#include <exception>

namespace farm::detail {

/// What leaves the invoker of a chunk: which input of the map it was, and what was thrown for it.
struct InputFailure {
  std::uint64_t input;
  std::exception_ptr error;
};

}  // namespace farm::detail
