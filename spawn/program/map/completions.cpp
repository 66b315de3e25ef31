#include "spawn/program/map/completions.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>
#include <utility>

namespace farm::detail {

Completions::Completions() : event_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  if (!event_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Completions::add(std::uint64_t number) {
  bool was_empty = false;
  {
    std::scoped_lock const lock{mutex_};
    was_empty = numbers_.empty();
    numbers_.push_back(number);
  }
  if (was_empty) wake();
}

void Completions::wake() const noexcept {
  int const saved = errno;
  std::uint64_t const one = 1;
  static_cast<void>(!write(event_.get(), &one, sizeof one));  // it fails only if it is readable already
  errno = saved;
}

std::vector<std::uint64_t> Completions::take() {
  std::uint64_t count = 0;
  static_cast<void>(!read(event_.get(), &count, sizeof count));
  std::scoped_lock const lock{mutex_};
  return std::exchange(numbers_, {});
}

}  // namespace farm::detail
