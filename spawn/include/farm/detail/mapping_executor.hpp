#pragma once

#include <farm/detail/map.hpp>
#include <farm/detail/submit_batch.hpp>
#include <farm/detail/submitting_executor.hpp>

#include <initializer_list>
#include <utility>
#include <vector>

namespace farm::detail {

/// The base of the executors whose maps return lazy ranges.
class MappingExecutor : public SubmittingExecutor {
 public:
  /// map(f, range...[, MapOptions]): calls f as MPISpawnPool::map does, but returns a MappedRange at once. The range
  /// yields the results, and throws the errors of the calls, as they arrive. Takes and submits all inputs now, or as
  /// many as MapOptions::buffersize says and the others later. An lvalue range must outlive a map with a buffersize; an
  /// rvalue range is moved into the map. Throws UsageError if an option is out of range, ShutdownError after
  /// shutdown(), and what an iterator of the ranges throws. With a buffersize, the MappedRange throws the iterator's
  /// exception at its position.
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return detail::map(shared_engine(), f, std::forward<RangesAndOptions>(ranges)...);
  }
  /// Does the same with options in braces: `map(f, inputs, {.chunksize = 8})`.
  template <class F, class Range>
  auto map(F const& f, Range&& inputs, MapOptions const& options) {
    return map(f, std::forward<Range>(inputs), MapOptions(options));
  }
  /// As above, for two ranges.
  template <class F, class Range, class Other>
  auto map(F const& f, Range&& inputs, Other&& others, MapOptions const& options) {
    return map(f, std::forward<Range>(inputs), std::forward<Other>(others), MapOptions(options));
  }
  /// As above, for inputs that are listed in the call: `map(f, {1, 2, 3})`.
  template <class F, class T>
  auto map(F const& f, std::initializer_list<T> inputs, MapOptions const& options = {}) {
    return map(f, std::vector<T>(inputs), MapOptions(options));
  }
  /// As above, with errors collected.
  template <class F, class T>
  auto map(F const& f, std::initializer_list<T> inputs, CollectErrors const& options) {
    return map(f, std::vector<T>(inputs), CollectErrors(options));
  }
  /// As above, for two lists.
  template <class F, class T, class U>
  auto map(F const& f, std::initializer_list<T> inputs, std::initializer_list<U> others) {
    return map(f, std::vector<T>(inputs), std::vector<U>(others));
  }
  /// As above, for a range and a list.
  template <class F, class Range, class U>
  auto map(F const& f, Range&& inputs, std::initializer_list<U> others) {
    return map(f, std::forward<Range>(inputs), std::vector<U>(others));
  }

  /// Does what map() does for one range of tuples or pairs, each of which holds all arguments of a call.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, MapOptions const& options = {}) {
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options);
  }
  /// Does the same, and yields results and errors side by side. See CollectErrors.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, CollectErrors const& options) {
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options);
  }

  /// Submits one task for each element of the ranges: as many at once as there are workers, and a further one each time
  /// a task has ended. Returns a Batch and does not block. A thread of the Batch takes the inputs, so an lvalue range
  /// must outlive the Batch; an rvalue range is moved into it. BatchOptions may be the last argument.
  template <class F, class... RangesAndOptions>
  auto submit_batch(F const& f, RangesAndOptions&&... all) {
    return detail::submit_batch(shared_engine(), num_workers(), f, std::forward<RangesAndOptions>(all)...);
  }

 protected:
  using SubmittingExecutor::SubmittingExecutor;
};

}  // namespace farm::detail
