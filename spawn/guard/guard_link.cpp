#include "spawn/guard/guard_link.hpp"

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

namespace farm::detail {
namespace {

GuardLink the_link;  // NOLINT: one per process

void write_all(int descriptor, void const* data, std::size_t size) {
  auto const* next = static_cast<char const*>(data);
  while (size != 0) {
    ssize_t const count = write(descriptor, next, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw std::system_error(errno, std::generic_category(), "write to the guard");
    next += count;
    size -= static_cast<std::size_t>(count);
  }
}

}  // namespace

void GuardLink::announce(JoinInfo const& join_info, Hello const& hello) const {
  Bytes const packed = pack(Announcement{join_info, hello});
  auto const size = static_cast<std::uint32_t>(packed.size());
  write_all(control_, &size, sizeof size);
  write_all(control_, packed.data(), packed.size());
}

void GuardLink::enter_runtime() const {
  if (page_ != nullptr) page_->in_runtime = true;
}

void GuardLink::set_finalized() const {
  if (page_ != nullptr) page_->finalized = true;
}

void GuardLink::set_runner(std::int32_t process) const noexcept {
  if (page_ != nullptr) page_->runner = process;
}

void GuardLink::set_note(std::string_view note) const noexcept {
  if (page_ == nullptr) return;
  auto const size = std::min(note.size(), page_->note.size() - 1);
  std::memcpy(page_->note.data(), note.data(), size);
  page_->note[size] = '\0';
}

GuardLink const& guard_link() { return the_link; }
void set_guard_link(GuardLink const& link) { the_link = link; }

}  // namespace farm::detail
