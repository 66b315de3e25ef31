#pragma once

#include <cstddef>

/// XXH3 with the wide registers that not every processor has, at three times the speed.
namespace farm::detail {

[[nodiscard]] bool has_avx2() noexcept;
/// `state` is an XXH3_state_t. Only where has_avx2().
void hash_with_avx2(void* state, void const* data, std::size_t bytes) noexcept;

}  // namespace farm::detail
