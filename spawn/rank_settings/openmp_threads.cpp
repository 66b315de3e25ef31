#include "spawn/rank_settings/openmp_threads.hpp"

#include <dlfcn.h>
#include <cstdlib>

namespace farm::detail {
namespace {

template <class Function>
Function find(char const* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

void use_threads(int number) {
  if (auto* const set = find<void (*)(int)>("omp_set_num_threads")) set(number);
}

}  // namespace

OpenMpThreads::OpenMpThreads(std::string const& text) {
  int const number = std::atoi(text.c_str());
  auto* const get = find<int (*)()>("omp_get_max_threads");
  if (number < 1 || get == nullptr) return;
  before_ = get();
  use_threads(number);
}

OpenMpThreads::~OpenMpThreads() {
  if (before_ > 0) use_threads(before_);
}

}  // namespace farm::detail
