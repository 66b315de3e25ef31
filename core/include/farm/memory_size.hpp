#pragma once

#include <cstdint>
#include <limits>

namespace farm {
namespace detail {

/// Returns so many units in bytes. A literal that does not fit is refused by the compiler.
consteval std::int64_t in_bytes(unsigned long long number, int binary_digits) {
  if (number > static_cast<unsigned long long>(std::numeric_limits<std::int64_t>::max() >> binary_digits))
    throw "the size is too large";
  return static_cast<std::int64_t>(number << binary_digits);
}

}  // namespace detail

/// Sizes of memory in bytes, as `TaskOptions{.memory = 2_GiB}` has them. `using namespace farm::literals` suffices.
inline namespace literals {

/// Returns a number of KiB (1024 bytes) in bytes.
consteval std::int64_t operator""_KiB(unsigned long long number) { return detail::in_bytes(number, 10); }
/// Returns a number of MiB (1024 KiB) in bytes.
consteval std::int64_t operator""_MiB(unsigned long long number) { return detail::in_bytes(number, 20); }
/// Returns a number of GiB (1024 MiB) in bytes.
consteval std::int64_t operator""_GiB(unsigned long long number) { return detail::in_bytes(number, 30); }
/// Returns a number of TiB (1024 GiB) in bytes.
consteval std::int64_t operator""_TiB(unsigned long long number) { return detail::in_bytes(number, 40); }

}  // namespace literals
}  // namespace farm
