#pragma once

#include <farm/detail/future_value.hpp>
#include <farm/detail/map_run.hpp>
#include <farm/serialize.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace farm {

namespace detail {

/// A void function gives a std::monostate for each of its calls.
template <class R>
using MapValue = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

/// The results of a chunk, one after the other.
template <class R>
class ChunkResults {
 public:
  ChunkResults() = default;
  /// Of a state that holds packed results.
  explicit ChunkResults(StatePtr chunk) : chunk_(std::move(chunk)), rest_(std::get<Bytes>(chunk_->result())) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }

  /// Throws SerializationError; those that follow are lost then.
  MapValue<R> next() {
    UnpackArchive archive{std::exchange(rest_, {}).substr(1)};  // after the mark
    MapValue<R> value{};
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

}  // namespace detail

/// What map of an executor gives: its results, while they come; of a void function a std::monostate for each call. To
/// be gone through once, by one thread; it may outlive the executor.
///
/// begin() and ++ block for the next result, and throw at its position the error of its task: then they may be called
/// again, and go on with the next one. Of a chunk in which an input fails the other results are lost, before and after
/// it; TaskError::input() tells which input it was. Past the timeout they throw TimeoutError while the result is not
/// there, and stay where they are. Destroying the range cancels what has not started, and does not block.
template <class R>
class MappedRange {
 public:
  using value_type = detail::MapValue<R>;

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = detail::MapValue<R>;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    /// Not after ++ has thrown. The result may be moved from.
    value_type& operator*() const { return *range_->current_; }
    value_type* operator->() const { return &*range_->current_; }
    Iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { range_->advance(); }
    bool operator==(std::default_sentinel_t) const { return range_->ended_; }

   private:
    friend class MappedRange;
    explicit Iterator(MappedRange& range) : range_(&range) {}
    MappedRange* range_ = nullptr;
  };

  explicit MappedRange(std::unique_ptr<detail::MapRun> run) : run_(std::move(run)) {}
  /// Iterators belong to the object that gave them, and are of no use after a move.
  MappedRange(MappedRange&&) noexcept = default;
  MappedRange& operator=(MappedRange&&) noexcept = default;
  ~MappedRange() = default;

  Iterator begin() {
    if (!current_ && !ended_) advance();
    return Iterator{*this};
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// The next result, none at the end: for going on after errors without iterators. It blocks and throws as ++ does.
  std::optional<value_type> next() {
    if (!run_) return std::nullopt;  // moved from
    if (results_.empty()) {
      results_ = {};
      auto chunk = run_->next_chunk();
      if (!chunk) return std::nullopt;
      results_ = detail::ChunkResults<R>{std::move(chunk)};
    }
    std::optional<value_type> value{results_.next()};
    run_->result_given();
    return value;
  }

  /// All results that are left, nothing for a void function. Throws as ++ does.
  auto to_vector() {
    if constexpr (std::is_void_v<R>) {
      while (next()) {
      }
    } else {
      std::vector<R> results;
      if (run_) results.reserve(run_->taken());
      while (auto value = next()) results.push_back(std::move(*value));
      return results;
    }
  }

  /// The run, for what goes on without a range.
  [[nodiscard]] std::unique_ptr<detail::MapRun> release() && { return std::move(run_); }

 private:
  void advance() {
    current_.reset();
    current_ = next();
    ended_ = !current_;
  }

  std::unique_ptr<detail::MapRun> run_;
  detail::ChunkResults<R> results_;
  std::optional<value_type> current_;
  bool ended_ = false;
};

}  // namespace farm
