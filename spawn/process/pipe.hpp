#pragma once

#include "core/base/descriptor.hpp"

namespace farm::detail {

/// Both ends of a pipe; assigning Descriptor{} closes one.
struct Pipe {
  Descriptor reading;
  Descriptor writing;
};

/// Makes a pipe whose ends are closed on exec. Throws std::system_error.
[[nodiscard]] Pipe make_pipe();

}  // namespace farm::detail
