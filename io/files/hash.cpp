#include "io/files/hash.hpp"

#include <xxhash.h>

#include <new>

#include "io/files/hash_avx2.hpp"

namespace farm::detail {
namespace {

XXH3_state_t* state_of(void* state) { return static_cast<XXH3_state_t*>(state); }

}  // namespace

void Hash::Free::operator()(void* state) const noexcept { XXH3_freeState(state_of(state)); }

Hash::Hash() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state_of(state_.get()));
}

void Hash::add(void const* data, std::size_t bytes) {
  static bool const wide = has_avx2();
  if (wide)
    hash_with_avx2(state_.get(), data, bytes);
  else
    XXH3_64bits_update(state_of(state_.get()), data, bytes);
}

std::uint64_t Hash::take() {
  auto const value = XXH3_64bits_digest(state_of(state_.get()));
  XXH3_64bits_reset(state_of(state_.get()));
  return value;
}

}  // namespace farm::detail
