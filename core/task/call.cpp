#include <farm/detail/call.hpp>

#include <link.h>
#include <pthread.h>
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace farm::detail {
namespace {

struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  [[nodiscard]] bool holds(std::uintptr_t address) const { return address >= begin && address < end; }
};

Range stack_of_this_thread() {
  Range range;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return range;
  void* lowest = nullptr;
  std::size_t size = 0;
  if (pthread_attr_getstack(&attributes, &lowest, &size) == 0) {
    range.begin = reinterpret_cast<std::uintptr_t>(lowest);
    range.end = range.begin + size;
  }
  pthread_attr_destroy(&attributes);
  return range;
}

/// Returns the address ranges of the program and its libraries, in ascending order. Leaves out ranges below 4 GiB,
/// whose addresses look like small numbers: only programs that are always loaded at the same address lie there.
std::vector<Range> module_ranges() {
  std::vector<Range> ranges;
  auto const add = [](dl_phdr_info* info, std::size_t /*size*/, void* out) {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      auto const& segment = info->dlpi_phdr[i];
      std::uintptr_t const begin = info->dlpi_addr + segment.p_vaddr;
      if (segment.p_type != PT_LOAD || begin >> 32U == 0) continue;
      static_cast<std::vector<Range>*>(out)->push_back({begin, begin + segment.p_memsz});
    }
    return 0;
  };
  dl_iterate_phdr(add, &ranges);
  std::sort(ranges.begin(), ranges.end(), [](Range const& a, Range const& b) { return a.begin < b.begin; });
  return ranges;
}

bool is_in_a_module(std::uintptr_t address) {
  // Never destroyed, because tasks may still be submitted while static objects are destroyed.
  static auto const& ranges = *new std::vector<Range>{module_ranges()};
  auto const after = std::upper_bound(ranges.begin(), ranges.end(), address,
                                      [](std::uintptr_t a, Range const& range) { return a < range.begin; });
  return after != ranges.begin() && std::prev(after)->holds(address);
}

}  // namespace

void refuse_local_addresses(void const* state, std::size_t size) {
  thread_local Range const stack = stack_of_this_thread();
  auto const* const bytes = static_cast<char const*>(state);
  auto const misaligned = reinterpret_cast<std::uintptr_t>(state) % alignof(void*);
  std::size_t const first = misaligned == 0 ? 0 : alignof(void*) - misaligned;
  for (std::size_t i = first; i + sizeof(void*) <= size; i += sizeof(void*)) {
    std::uintptr_t word = 0;
    std::memcpy(&word, bytes + i, sizeof word);
    if (stack.holds(word)) {
      throw UsageError(
          "the function captures a reference or pointer to a local variable, which another process does not have: "
          "give the value as an argument, or capture it by value");
    }
    if (is_in_a_module(word)) {
      throw UsageError(
          "the function captures a pointer to a function, a string literal or a static variable, which has another "
          "address in another process: give the value as an argument");
    }
  }
}

}  // namespace farm::detail
