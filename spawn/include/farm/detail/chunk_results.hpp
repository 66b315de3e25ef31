#pragma once

#include <farm/detail/call.hpp>
#include <farm/detail/future_value.hpp>
#include <farm/outcome.hpp>
#include <farm/serialize.hpp>

#include <cstdint>
#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace farm::detail {

/// A chunk of a map that is done.
struct ChunkState {
  StatePtr state{};
  std::int64_t inputs = 0;
  bool in_parts = false;  ///< its results are parts: it collects errors
};

/// Returns the error of one input, which its chunk has collected.
[[nodiscard]] std::exception_ptr error_of_input(FutureState const& chunk, std::string_view packed);
/// Returns the error of a state that has none of a value: also of one that was cancelled.
[[nodiscard]] std::exception_ptr error_or_cancellation_of(FutureState const& state);
/// Returns whether the inputs of a chunk that failed like this are worth running one by one. Not after errors that
/// concern all tasks.
[[nodiscard]] bool concerns_one_chunk(std::exception_ptr const& error);
/// Returns how many parts of a packed chunk that collects errors are errors.
[[nodiscard]] std::int64_t count_error_parts(std::string_view packed);

/// Unpacks the results of one chunk of a map, one after the other.
template <class R>
class ChunkResults {
 public:
  /// One result. A void function has a std::monostate for each call.
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

  ChunkResults() = default;
  /// Takes the state of a chunk, which holds packed results.
  explicit ChunkResults(ChunkState chunk) : ChunkResults(std::move(chunk.state)) {}
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

/// The outcomes of one chunk of a map that collects errors.
template <class R>
class ChunkResults<Outcome<R>> {
 public:
  using Value = Outcome<R>;

  ChunkResults() = default;
  explicit ChunkResults(ChunkState chunk) : chunk_(std::move(chunk)), left_(chunk_.inputs) {
    auto const& state = *chunk_.state;
    if (state.status() == FutureState::Status::value) {
      rest_ = std::get<Bytes>(state.result());
    } else {
      error_ = error_or_cancellation_of(state);
    }
  }

  [[nodiscard]] bool empty() const { return left_ == 0; }

  Value next() {
    --left_;
    if (error_) return Value{error_};
    if (!chunk_.in_parts) {
      auto const mark_and_result = std::exchange(rest_, {});
      return read(mark_and_result.substr(1));
    }
    bool const is_error = rest_.front() == error_mark;
    auto const part = take_part(rest_);
    return is_error ? Value{error_of_input(*chunk_.state, part)} : read(part);
  }

 private:
  static Value read(std::string_view bytes) {
    try {
      if constexpr (std::is_void_v<R>) {
        return Value{};
      } else {
        try {
          return Value{read_result<R>(bytes)};
        } catch (...) {
          throw_unpack_failure(typeid(R));
        }
      }
    } catch (...) {
      return Value{std::current_exception()};
    }
  }

  ChunkState chunk_;
  std::int64_t left_ = 0;
  std::string_view rest_;
  std::exception_ptr error_;
};

}  // namespace farm::detail
