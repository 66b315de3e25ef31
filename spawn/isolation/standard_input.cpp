#include "spawn/isolation/standard_input.hpp"

#include "core/base/descriptor.hpp"
#include "spawn/process/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace farm::detail {

void empty_standard_input() {
  Descriptor nothing{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (!nothing) nothing = std::move(make_pipe().reading);  // its other end is closed: it ends at once, too
  if (nothing.get() == STDIN_FILENO) {                     // descriptor 0 was closed
    fcntl(nothing.release(), F_SETFD, 0);
  } else {
    dup2(nothing.get(), STDIN_FILENO);
  }
}

}  // namespace farm::detail
