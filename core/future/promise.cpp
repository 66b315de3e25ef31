#include <farm/promise.hpp>

namespace farm::detail {

void break_promise(FutureState& state) {
  if (!state.done())
    state.set_error(std::make_exception_ptr(BrokenPromise("the promise was destroyed before it had a value or error")));
}

}  // namespace farm::detail
