#include <farm/detail/chunk_results.hpp>

#include "core/base/failure.hpp"
#include "core/task/task.hpp"

#include <farm/detail/future_value.hpp>
#include <farm/error.hpp>

namespace farm::detail {

std::exception_ptr error_of_input(FutureState const& chunk, std::string_view packed) try {
  auto const& task = static_cast<Task const&>(chunk);
  return unpack_input_failure(packed, task.id, task.name());
} catch (...) {
  return std::current_exception();
}

std::exception_ptr error_or_cancellation_of(FutureState const& state) try { return error_of(state); } catch (...) {
  return std::current_exception();
}

bool concerns_one_chunk(std::exception_ptr const& error) {
  try {
    std::rethrow_exception(error);
  } catch (BrokenExecutor const&) {
    return false;
  } catch (SpawnError const&) {
    return false;
  } catch (ShutdownError const&) {
    return false;
  } catch (CancelledError const&) {
    return false;
  } catch (...) {
    return true;
  }
}

std::int64_t count_error_parts(std::string_view packed) {
  std::int64_t count = 0;
  while (!packed.empty()) {
    if (packed.front() == error_mark) ++count;
    static_cast<void>(take_part(packed));
  }
  return count;
}

}  // namespace farm::detail
