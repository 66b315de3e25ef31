#pragma once

#include <farm/detail/signature.hpp>
#include <farm/serialize.hpp>
#include <farm/task_context.hpp>

#include <string_view>
#include <type_traits>
#include <utility>

/// Where a component changes how arguments and results of its types travel.
namespace farm::detail {

/// As what an argument of type A for a parameter of (decayed) type G travels and is kept during the call.
template <class G, class A>
struct TravelsAs {
  using type = stored_as<G>;
};

/// How a parameter of (decayed) type P is made of what has travelled. A specialization has `made = true` and
/// `static auto make(Stored&, Environment&)`, called on every rank.
template <class P, class Stored>
struct MadeOf {
  static constexpr bool made = false;
};

/// How what a function returns becomes the value of a future. A specialization's pack() is called on every rank of the
/// group, and may be collective; `result` is null where the value is not wanted. read() is that of the Value's own
/// transport.
template <class R>
struct ResultTransport {
  using Value = R;  ///< what the future has
  static void pack(R const& value, RankContext& /*environment*/, Bytes* result) {
    static_assert(Serializable<R>, "cereal cannot serialize what this task returns");
    if (result != nullptr) pack_into(*result, value);
  }
  static void read(UnpackArchive& in, R& value) { in(value); }
};
template <>
struct ResultTransport<void> {
  using Value = void;
};

/// One value from bytes that a task has packed. Throws SerializationError where bytes are missing or left over.
template <class R>
[[nodiscard]] R read_result(std::string_view bytes) {
  UnpackArchive in{bytes};
  R value{};
  ResultTransport<R>::read(in, value);
  if (!in.rest().empty()) throw SerializationError("more bytes than the type needs");
  return value;
}

}  // namespace farm::detail
