#include <farm/detail/future_value.hpp>
#include <farm/error.hpp>

#include "core/base/failure.hpp"

namespace farm::detail {

namespace {

class MovedOutError : public ErrorOf<std::logic_error> {
  using ErrorOf::ErrorOf;
};

}  // namespace

void throw_unpack_failure(std::type_info const& type) {
  throw current_serialization_error("a result could not be unpacked as " + demangle(type.name()));
}

void throw_all_ranks_unexpected(std::type_info const& type) {
  throw SerializationError("the results of all ranks make a std::vector, not one " + demangle(type.name()));
}

void throw_moved_out() {
  throw MovedOutError("the result was moved out by an earlier call, and its type cannot be copied");
}

void require_value(FutureState const& state) {
  if (auto error = error_of(state)) std::rethrow_exception(error);
}

std::exception_ptr error_of(FutureState const& state) {
  switch (state.status()) {
    case FutureState::Status::value:
      return nullptr;
    case FutureState::Status::error:
      return std::get<std::exception_ptr>(state.result());
    case FutureState::Status::cancelled:
      if (auto const* const why = std::get_if<std::exception_ptr>(&state.result())) std::rethrow_exception(*why);
      throw CancelledError("the future was cancelled");
    case FutureState::Status::pending:
    case FutureState::Status::running:
      break;
  }
  throw TimeoutError("the future was not done in time");
}

}  // namespace farm::detail
