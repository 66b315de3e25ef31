#pragma once

#include <farm/detail/future_value.hpp>
#include <farm/serialize.hpp>

#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace farm::detail {

/// Unpacks the results of one chunk of a map, one after the other.
template <class R>
class ChunkResults {
 public:
  /// One result. A void function has a std::monostate for each call.
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

  ChunkResults() = default;
  /// Takes a state that holds packed results.
  explicit ChunkResults(StatePtr chunk) : chunk_(std::move(chunk)), rest_(std::get<Bytes>(chunk_->result())) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }

  /// Returns the next result. Throws SerializationError if it cannot be unpacked; the results after it are lost then.
  Value next() {
    UnpackArchive archive{std::exchange(rest_, {}).substr(1)};  // after the mark
    Value value{};
    if constexpr (!std::is_void_v<R>) {
      try {
        ResultTransport<R>::read(archive, value);
      } catch (...) {
        throw_unpack_failure(typeid(R));
      }
    }
    rest_ = archive.rest();
    return value;
  }

 private:
  StatePtr chunk_;
  std::string_view rest_;
};

}  // namespace farm::detail
