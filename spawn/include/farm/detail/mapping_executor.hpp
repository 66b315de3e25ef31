#pragma once

#include <farm/batch.hpp>
#include <farm/detail/map.hpp>
#include <farm/detail/submitting_executor.hpp>

#include <utility>

namespace farm::detail {

/// An executor whose maps are lazy ranges.
class MappingExecutor : public SubmittingExecutor {
 public:
  /// map(f, range...[, MapOptions]): f over the elements of all ranges together, up to the end of the shortest. Takes
  /// and submits all inputs, or as many as `buffersize` says; a range that is an lvalue must outlive a map that has
  /// one, any other is moved in. Gives a MappedRange, which tells the rest. Throws UsageError for an option,
  /// ShutdownError, and, without a buffersize, what the ranges' iterators throw; with one that is thrown at its
  /// position.
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return detail::map(shared_engine(), f, std::forward<RangesAndOptions>(ranges)...);
  }

  /// starmap(f, range_of_tuples[, MapOptions]): as map, an input being a tuple of all arguments.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, MapOptions const& options = {}) {
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options);
  }

  /// submit_batch(f, range...): as many tasks at once as there are workers, a further one each time one has ended. Does
  /// not block; the inputs are taken by a thread of the Batch, and an lvalue range must outlive it.
  template <class F, class... Ranges>
  auto submit_batch(F const& f, Ranges&&... ranges) {
    return detail::submit_batch(shared_engine(), num_workers(), f, std::forward<Ranges>(ranges)...);
  }

 protected:
  using SubmittingExecutor::SubmittingExecutor;
};

}  // namespace farm::detail
