#pragma once

#include <farm/detail/chunk_results.hpp>
#include <farm/detail/map_run.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace farm {

namespace detail {
class MapAccess;
}

/// The results of a map, as a range that yields each one when it has arrived. One thread may go through the range,
/// once. The range may outlive the executor that made it.
///
/// begin() and ++ block until the next result has arrived. If the task of that result failed, they throw its error;
/// call them again to go on with the next result. If one input of a chunk fails, the other results of that chunk are
/// lost too, unless the map was given collect_errors; TaskError::input() tells which input failed. After the timeout of
/// the map, they throw TimeoutError as long as the result has not arrived, and the position stays the same. Destroying
/// the range cancels the tasks that have not started, and does not block.
template <class R>
class MappedRange {
 public:
  /// The type of one result: R, or std::monostate if the function returns void.
  using value_type = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

  /// An input iterator over the results. It belongs to the range that returned it, and is invalid once that range was
  /// moved from.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;     ///< An input iterator.
    using value_type = typename MappedRange::value_type;  ///< One result.
    using difference_type = std::ptrdiff_t;               ///< Required of iterators; never used.

    /// Constructs an iterator of no range, which can only be assigned to.
    Iterator() = default;
    /// Returns the current result, which the caller may move from. Must not be called after ++ has thrown.
    value_type& operator*() const { return *range_->current_; }
    /// Returns a pointer to the current result. Must not be called after ++ has thrown.
    value_type* operator->() const { return &*range_->current_; }
    /// Goes on to the next result. Blocks and throws as MappedRange says.
    Iterator& operator++() {
      range_->advance();
      return *this;
    }
    /// Goes on to the next result. Blocks and throws as MappedRange says.
    void operator++(int) { range_->advance(); }
    /// Returns true if the iterator is past the last result.
    bool operator==(std::default_sentinel_t) const { return range_->ended_; }

   private:
    friend class MappedRange;
    explicit Iterator(MappedRange& range) : range_(&range) {}
    MappedRange* range_ = nullptr;
  };

  /// Takes over the results; iterators of the other range become invalid. The moved-from range is empty.
  MappedRange(MappedRange&&) noexcept = default;
  /// Destroys the range that this object held, then takes over the other one.
  MappedRange& operator=(MappedRange&&) noexcept = default;
  /// Cancels the tasks that have not started. Does not block.
  ~MappedRange() = default;

  /// Blocks until the first result has arrived, and returns an iterator to it. Throws as the class says.
  Iterator begin() {
    if (!current_ && !ended_) advance();
    return Iterator{*this};
  }
  /// Returns the end of the range.
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// Returns the next result, or none at the end. Use it instead of iterators to go on after errors. Blocks and throws
  /// as ++ does.
  std::optional<value_type> next() {
    if (!run_) return std::nullopt;  // moved from
    if (results_.empty()) {
      results_ = {};
      auto chunk = run_->next_chunk();
      if (!chunk.state) return std::nullopt;
      results_ = detail::ChunkResults<R>{std::move(chunk)};
    }
    std::optional<value_type> value{results_.next()};
    run_->result_given();
    return value;
  }

  /// Blocks until all results have arrived. Returns those that are left as a std::vector<R>, or void if the function
  /// returns void. Throws as ++ does.
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

 private:
  friend class detail::MapAccess;
  explicit MappedRange(std::unique_ptr<detail::MapRun> run) : run_(std::move(run)) {}

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
