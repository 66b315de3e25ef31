#include <farm/detail/future_then.hpp>
#include <farm/error.hpp>

namespace farm::detail {

void throw_future_cycle() {
  throw UsageError("a future was chained to itself, so it would wait for itself for ever; return another future");
}

}  // namespace farm::detail
