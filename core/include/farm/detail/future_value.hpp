#pragma once

#include <farm/detail/bytes.hpp>
#include <farm/detail/copyable.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/detail/result_transport.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

/// Turns the untyped result of a FutureState into the value of a Future<R>.
namespace farm::detail {

/// Throws a SerializationError that names the requested type and quotes the exception being handled.
[[noreturn]] void throw_unpack_failure(std::type_info const& type);
/// Throws the SerializationError for a state with the values of all ranks whose future wants one value.
[[noreturn]] void throw_all_ranks_unexpected(std::type_info const& type);
/// Throws the std::logic_error for a value that was moved out by an earlier call.
[[noreturn]] void throw_moved_out();
/// Returns if the state has a value. Throws CancelledError, the state's own error, or TimeoutError if it is not done.
void require_value(FutureState const& state);
/// Returns the state's error; null if it has a value. Throws CancelledError, or TimeoutError if it is not done.
[[nodiscard]] std::exception_ptr error_of(FutureState const& state);

/// Unpacks an R from a packed result. A Future holds a pointer to it, so that an R that is never packed need not be
/// serializable.
template <class R>
using Decoder = R (*)(FutureState::Result const&);

/// Unpacks the values of all ranks: only a std::vector can hold them.
template <class R>
struct RankValues {
  static R decode(std::vector<Bytes> const&) { throw_all_ranks_unexpected(typeid(R)); }
};

template <class T>
struct RankValues<std::vector<T>> {
  static std::vector<T> decode(std::vector<Bytes> const& ranks) {
    std::vector<T> values;
    values.reserve(ranks.size());
    for (auto const& bytes : ranks) values.push_back(read_result<T>(bytes));
    return values;
  }
};

template <class R>
R decode_packed(FutureState::Result const& result) {
  if constexpr (!std::is_void_v<R>) {
    try {
      if (auto const* bytes = std::get_if<Bytes>(&result)) return read_result<R>(*bytes);
      return RankValues<R>::decode(std::get<std::vector<Bytes>>(result));
    } catch (...) {
      throw_unpack_failure(typeid(R));
    }
  }
}

/// Returns the value of a state that has one: unpacks, copies, or, if R cannot be copied, moves it. The second move
/// throws std::logic_error.
template <class R>
R value_of(FutureState& state, Decoder<R> decode) {
  if constexpr (!std::is_void_v<R>) {
    auto const* const local = std::get_if<std::shared_ptr<void>>(&state.result());
    if (local == nullptr) return decode(state.result());
    auto& value = *static_cast<R*>(local->get());
    if constexpr (copyable<R>) {
      return value;
    } else {
      if (!state.take()) throw_moved_out();
      return std::move(value);
    }
  }
}

}  // namespace farm::detail
