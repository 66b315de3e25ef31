#include "spawn/process/forks_read_nothing.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace farm::detail {

ForksReadNothing::ForksReadNothing() {
  Descriptor const nothing{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (!nothing) return;
  input_ = Descriptor{fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
  if (input_) dup2(nothing.get(), STDIN_FILENO);
}

ForksReadNothing::~ForksReadNothing() {
  if (input_) dup2(input_.get(), STDIN_FILENO);
}

}  // namespace farm::detail
