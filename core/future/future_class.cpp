#include <farm/detail/future_class.hpp>
#include <farm/error.hpp>

namespace farm::detail {

void throw_invalid_future() {
  throw UsageError("this future is empty (default-constructed or moved from); use one that a submission returned");
}

}  // namespace farm::detail
