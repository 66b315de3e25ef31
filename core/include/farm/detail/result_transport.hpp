#pragma once

#include <farm/error.hpp>
#include <farm/serialize.hpp>

#include <string_view>
#include <type_traits>

namespace farm::detail {

struct RankContext;

/// How the R that a task's function returns becomes the value of the task's future. See the table in transport.hpp.
///
/// A specialization has the same three members. The rank calls pack() on every rank of the group, so pack() may be
/// collective; `result` is null on ranks whose value is not wanted. The master calls read(), which must be a member of
/// ResultTransport<Value>.
template <class R>
struct ResultTransport {
  using Value = R;  ///< the type of the future's value
  static void pack(R const& value, RankContext& /*rank_context*/, Bytes* result) {
    static_assert(!std::is_pointer_v<R>,
                  "this task returns a pointer, which means nothing in another process: return the value");
    static_assert(
        Serializable<R>,
        "the type that this task returns cannot be serialized: give it a serialize() for cereal, or make it a "
        "plain struct of at most 16 members that can be serialized, without pointers (smart pointers need "
        "<cereal/types/memory.hpp>)");
    if (result != nullptr) pack_into(*result, value);
  }
  static void read(UnpackArchive& in, R& value) { in(value); }
};
template <>
struct ResultTransport<void> {
  using Value = void;
};

/// Returns the value in bytes that a task has packed. Throws SerializationError if bytes are missing or left over.
template <class R>
[[nodiscard]] R read_result(std::string_view bytes) {
  UnpackArchive in{bytes};
  R value{};
  ResultTransport<R>::read(in, value);
  if (!in.rest().empty()) throw SerializationError("more bytes than the type needs");
  return value;
}

}  // namespace farm::detail
