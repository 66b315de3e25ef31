#include "spawn/process/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace farm::detail {

void open_standard_descriptors() noexcept {
  for (int number = 0; number <= STDERR_FILENO; ++number) {
    if (fcntl(number, F_GETFD) == -1) static_cast<void>(open("/dev/null", O_RDWR));  // gets the lowest free number
  }
}

}  // namespace farm::detail
