#pragma once

#include <farm/array.hpp>
#include <farm/detail/array_transport.hpp>
#include <farm/detail/bytes.hpp>
#include <farm/detail/future_value.hpp>
#include <farm/element.hpp>
#include <farm/error.hpp>
#include <farm/future.hpp>
#include <farm/stage_options.hpp>

#include <variant>
#include <vector>

namespace farm {

/// Returns the value of a future as an array. A large value lies in a file of the stage, and is not read. Blocks, and
/// throws, as future.result() does. Throws UsageError if the future is not that of a task: its value was made in this
/// process.
template <Element T>
[[nodiscard]] Array<T> as_array(Future<std::vector<T>> const& future) {
  static_cast<void>(future.exception());
  detail::require_value(*future.state());
  auto const* const bytes = std::get_if<Bytes>(&future.state()->result());
  if (bytes == nullptr)
    throw UsageError("as_array() takes the future of a task; stage() the value of any other future");
  return detail::ResultTransport<std::vector<T>>::read_array(*bytes, StageOptions{}.threshold);
}

}  // namespace farm
