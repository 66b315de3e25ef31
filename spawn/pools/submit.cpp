#include <farm/detail/submit.hpp>

#include <string>

namespace farm::detail {

void throw_packing_failure() {
  std::string text = "an argument could not be packed";
  try {
    throw;
  } catch (std::exception const& error) {
    text.append(": ").append(error.what());
  } catch (...) {  // a user's serialize function may throw anything
  }
  throw SerializationError(text);
}

StatePtr failed_state(std::exception_ptr error) {
  auto state = make_intrusive<FutureState>();
  state->set_error(std::move(error));
  return state;
}

}  // namespace farm::detail
