#pragma once

#include <farm/detail/copyable.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/detail/transport.hpp>
#include <farm/serialize.hpp>

#include <memory>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

/// From the untyped result of a FutureState to the value of a Future<R>.
namespace farm::detail {

/// SerializationError for the exception that is being handled, telling the type that was asked for.
[[noreturn]] void throw_unpack_failure(std::type_info const& type);
[[noreturn]] void throw_all_ranks_unexpected(std::type_info const& type);
[[noreturn]] void throw_moved_out();
/// CancelledError, the state's own error, or TimeoutError where it is not done; returns where it holds a value.
void require_value(FutureState const& state);
/// Null where it holds a value. Throws CancelledError, or TimeoutError where it is not done.
[[nodiscard]] std::exception_ptr error_of(FutureState const& state);

/// How packed results become an R. A Future has it as a pointer: an R that is never packed need not be serializable.
template <class R>
using Decoder = R (*)(FutureState::Result const&);

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

/// The value of a state that holds one.
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
