#include <farm/async_result.hpp>
#include <farm/detail/future_value.hpp>
#include <farm/error.hpp>

namespace farm::detail {

void throw_not_ready() { throw UsageError("successful() was called before the result is ready: call wait() first"); }

std::exception_ptr error_or_cancellation(FutureState const& state) try {
  return error_of(state);
} catch (CancelledError const&) {
  return std::current_exception();
}

}  // namespace farm::detail
