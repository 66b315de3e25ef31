#pragma once

#include <cstddef>

/// XXH3 with AVX2, at three times the speed. Not every processor supports it.
namespace farm::detail {

/// Returns true if both the compiler and the processor support AVX2.
[[nodiscard]] bool has_avx2() noexcept;
/// Adds bytes to `state`, which is an XXH3_state_t. Requires has_avx2().
void hash_with_avx2(void* state, void const* data, std::size_t bytes) noexcept;

}  // namespace farm::detail
