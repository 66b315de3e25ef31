// Compiled with -mavx2 if the compiler supports it. Include no C++ headers here: the linker could pick their inline
// functions, compiled for AVX2, for the whole program.
#include "io/files/hash_avx2.hpp"

#include <xxhash.h>

namespace farm::detail {

#ifdef __AVX2__
bool has_avx2() noexcept { return __builtin_cpu_supports("avx2") != 0; }
#else
bool has_avx2() noexcept { return false; }
#endif

void hash_with_avx2(void* state, void const* data, std::size_t bytes) noexcept {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state), data, bytes);
}

}  // namespace farm::detail
