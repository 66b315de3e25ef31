#include <farm/detail/call.hpp>

#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
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

std::vector<Range> const& modules_at_start() {
  // Never destroyed, because tasks may still be submitted while static objects are destroyed.
  static auto const& ranges = *new std::vector<Range>{module_ranges()};
  return ranges;
}

bool is_in_a_module(std::uintptr_t address) {
  auto const& ranges = modules_at_start();
  auto const after = std::upper_bound(ranges.begin(), ranges.end(), address,
                                      [](std::uintptr_t a, Range const& range) { return a < range.begin; });
  return after != ranges.begin() && std::prev(after)->holds(address);
}

/// Returns the range of addresses in which the system places memory: from 16 TiB below the lowest module, because
/// Linux maps memory below the libraries, to the end of what a process has. Two small numbers beside each other, or a
/// floating-point number, are no such addresses.
Range possible_addresses() {
  constexpr std::uintptr_t least = std::uintptr_t{1} << 32U;
  constexpr std::uintptr_t below_modules = std::uintptr_t{1} << 44U;
  constexpr std::uintptr_t end = std::uintptr_t{1} << 48U;
  auto const& modules = modules_at_start();
  auto const lowest = modules.empty() ? least : modules.front().begin;
  return {lowest > least + below_modules ? lowest - below_modules : least, end};
}

/// Asks the system, which alone knows the memory of today: a list of it would be out of date with the next allocation.
bool is_mapped(std::uintptr_t address) {
  static auto const page_size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  unsigned char resident = 0;
  return mincore(reinterpret_cast<void*>(address & ~(page_size - 1)), 1, &resident) == 0;
}

}  // namespace

void refuse_local_addresses(void const* state, std::size_t size, std::size_t alignment) {
  static Range const possible = possible_addresses();
  thread_local Range const stack = stack_of_this_thread();
  auto const* const bytes = static_cast<char const*>(state);
  auto const step = std::min(alignment, alignof(void*));
  for (std::size_t i = 0; i + sizeof(void*) <= size; i += step) {
    std::uintptr_t word = 0;
    std::memcpy(&word, bytes + i, sizeof word);
    if (!possible.holds(word)) continue;
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
    if (is_mapped(word)) {
      throw UsageError(
          "the function captures an address in memory of this process (by a pointer, a reference, [this], a std::span "
          "or a std::string_view), which another process does not have: give the value as an argument, capture it by "
          "value, or write a function object with serialize()");
    }
  }
}

}  // namespace farm::detail
