#include <farm/detail/submit.hpp>

#include "core/base/failure.hpp"

#include <utility>

namespace farm::detail {

void throw_packing_failure() { throw current_serialization_error("an argument could not be packed"); }

StatePtr failed_state(std::exception_ptr error) {
  auto state = make_intrusive<FutureState>();
  state->set_error(std::move(error));
  return state;
}

}  // namespace farm::detail
