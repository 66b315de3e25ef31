#include <farm/error.hpp>
#include <farm/future.hpp>
#include <farm/promise.hpp>

namespace farm::detail {

void throw_invalid_future() { throw UsageError("this future is empty: it was default-constructed or moved from"); }

void throw_future_cycle() { throw UsageError("a future was chained to itself: it would wait for itself"); }

void break_promise(FutureState& state) {
  if (!state.done())
    state.set_error(std::make_exception_ptr(BrokenPromise("the promise of this future was never kept")));
}

}  // namespace farm::detail
