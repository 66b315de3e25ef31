#pragma once

#include <farm/async_result.hpp>
#include <farm/detail/call_check.hpp>
#include <farm/detail/engine_owner.hpp>
#include <farm/detail/gathered_map.hpp>
#include <farm/detail/map.hpp>
#include <farm/detail/submit.hpp>

#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm::detail {

/// True for Callbacks<T>: tells the overloads of the _async functions apart.
template <class T>
inline constexpr bool is_callbacks = false;
template <class T>
inline constexpr bool is_callbacks<Callbacks<T>> = true;

/// Throws UsageError if the options contain one that map_async cannot use: timeout, unordered, buffersize or progress.
void check_async_options(MapOptions const& options);

/// The functions of a multiprocessing.Pool.
///
/// A function runs as a task of one group. Functions, arguments and results are as for MPISpawnPool::submit. The ranges
/// of a map are read during the call, except by imap and imap_unordered with a buffersize. After close() or
/// terminate(), every function that takes tasks throws ShutdownError. UsageError says that an option is out of range.
class PoolFunctions : public EngineOwner {
 public:
  /// \copydoc MPISpawnPool::map
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return imap(f, std::forward<RangesAndOptions>(ranges)...).to_vector();
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
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options).to_vector();
  }
  /// Does the same, and yields results and errors side by side. See CollectErrors.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, CollectErrors const& options) {
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options).to_vector();
  }
  /// Runs f(args...) on one worker. Blocks until it has returned, and returns its result. Throws its error.
  template <class F, class... Args>
  auto apply(F const& f, Args const&... args) {
    return apply_async(f, args...).get();
  }

  /// Does what apply() does, but returns an AsyncResult at once.
  template <class F, class... Args>
  requires(!is_callbacks<F>) auto apply_async(F const& f, Args const&... args) {
    if constexpr (check_submit<std::decay_t<F const>, Args...>()) {
      return AsyncResult{Future<ResultOfTask<F, Args...>>{submit_call(engine(), {}, false, f, args...)}};
    } else {
      return AsyncResult{Future<void>{}};
    }
  }
  /// Does the same and calls the callbacks when the result is complete:
  /// `apply_async(Callbacks<int>{.callback = ...}, f, args...)`.
  template <class T, class F, class... Args>
  auto apply_async(Callbacks<T> callbacks, F const& f, Args const&... args) {
    return with_callbacks(apply_async(f, args...), std::move(callbacks));
  }
  /// Does what map() does, but returns an AsyncResult of all results at once. The first call that fails, in time, ends
  /// the result with its error and cancels the tasks that have not started, unless errors are collected. Throws
  /// UsageError for a MapOptions other than chunksize, priority and task.
  template <class F, class... RangesAndOptions>
  requires(!is_callbacks<F>) auto map_async(F const& f, RangesAndOptions&&... ranges) {
    return with_options(
        [&]<class Options, class... Ranges>(Options options, Ranges&&... only_ranges) {
          prepare_async(options);
          return gather(imap(f, std::forward<Ranges>(only_ranges)..., std::move(options)));
        },
        std::forward<RangesAndOptions>(ranges)...);
  }
  /// Does the same and calls the callbacks when the result is complete.
  template <class T, class F, class... RangesAndOptions>
  auto map_async(Callbacks<T> callbacks, F const& f, RangesAndOptions&&... ranges) {
    return with_callbacks(map_async(f, std::forward<RangesAndOptions>(ranges)...), std::move(callbacks));
  }
  /// Does what map_async() does for one range of tuples or pairs, each of which holds all arguments of a call.
  template <class F, class Range, class Options = MapOptions>
  requires(!is_callbacks<F>) auto starmap_async(F const& f, Range&& inputs, Options options = {}) {
    prepare_async(options);
    return gather(detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options));
  }
  /// Does the same and calls the callbacks when the result is complete.
  template <class T, class F, class Range, class Options = MapOptions>
  auto starmap_async(Callbacks<T> callbacks, F const& f, Range&& inputs, Options const& options = {}) {
    return with_callbacks(starmap_async(f, std::forward<Range>(inputs), options), std::move(callbacks));
  }

  /// Does what map() does, but returns a MappedRange at once, which yields the results in the order of the inputs. See
  /// MappingExecutor::map for the ranges.
  template <class F, class... RangesAndOptions>
  auto imap(F const& f, RangesAndOptions&&... ranges) {
    return detail::map(shared_engine(), f, std::forward<RangesAndOptions>(ranges)...);
  }
  /// Does the same with options in braces.
  template <class F, class Range>
  auto imap(F const& f, Range&& inputs, MapOptions const& options) {
    return imap(f, std::forward<Range>(inputs), MapOptions(options));
  }
  /// As above, for two ranges.
  template <class F, class Range, class Other>
  auto imap(F const& f, Range&& inputs, Other&& others, MapOptions const& options) {
    return imap(f, std::forward<Range>(inputs), std::forward<Other>(others), MapOptions(options));
  }
  /// As above, for inputs that are listed in the call: `imap(f, {1, 2, 3})`.
  template <class F, class T>
  auto imap(F const& f, std::initializer_list<T> inputs, MapOptions const& options = {}) {
    return imap(f, std::vector<T>(inputs), MapOptions(options));
  }
  /// As above, with errors collected.
  template <class F, class T>
  auto imap(F const& f, std::initializer_list<T> inputs, CollectErrors const& options) {
    return imap(f, std::vector<T>(inputs), CollectErrors(options));
  }
  /// As above, for two lists.
  template <class F, class T, class U>
  auto imap(F const& f, std::initializer_list<T> inputs, std::initializer_list<U> others) {
    return imap(f, std::vector<T>(inputs), std::vector<U>(others));
  }
  /// As above, for a range and a list.
  template <class F, class Range, class U>
  auto imap(F const& f, Range&& inputs, std::initializer_list<U> others) {
    return imap(f, std::forward<Range>(inputs), std::vector<U>(others));
  }
  /// Does what imap() does, but yields the results in the order in which they arrive.
  template <class F, class... RangesAndOptions>
  auto imap_unordered(F const& f, RangesAndOptions&&... ranges) {
    return with_options(
        [&]<class Options, class... Ranges>(Options options, Ranges&&... only_ranges) {
          options_of(options).unordered = true;
          return imap(f, std::forward<Ranges>(only_ranges)..., std::move(options));
        },
        std::forward<RangesAndOptions>(ranges)...);
  }
  /// Does the same with options in braces.
  template <class F, class Range>
  auto imap_unordered(F const& f, Range&& inputs, MapOptions const& options) {
    return imap_unordered(f, std::forward<Range>(inputs), MapOptions(options));
  }
  /// As above, for two ranges.
  template <class F, class Range, class Other>
  auto imap_unordered(F const& f, Range&& inputs, Other&& others, MapOptions const& options) {
    return imap_unordered(f, std::forward<Range>(inputs), std::forward<Other>(others), MapOptions(options));
  }
  /// As above, for inputs that are listed in the call: `imap_unordered(f, {1, 2, 3})`.
  template <class F, class T>
  auto imap_unordered(F const& f, std::initializer_list<T> inputs, MapOptions const& options = {}) {
    return imap_unordered(f, std::vector<T>(inputs), MapOptions(options));
  }
  /// As above, with errors collected.
  template <class F, class T>
  auto imap_unordered(F const& f, std::initializer_list<T> inputs, CollectErrors const& options) {
    return imap_unordered(f, std::vector<T>(inputs), CollectErrors(options));
  }
  /// As above, for two lists.
  template <class F, class T, class U>
  auto imap_unordered(F const& f, std::initializer_list<T> inputs, std::initializer_list<U> others) {
    return imap_unordered(f, std::vector<T>(inputs), std::vector<U>(others));
  }
  /// As above, for a range and a list.
  template <class F, class Range, class U>
  auto imap_unordered(F const& f, Range&& inputs, std::initializer_list<U> others) {
    return imap_unordered(f, std::forward<Range>(inputs), std::vector<U>(others));
  }

  /// Accepts no more tasks; those submitted before still run. Does not block.
  void close() { shutdown(false); }
  /// Cancels the queued tasks, and ends the running tasks and their ranks. Accepts no more tasks. Does not block.
  void terminate();
  /// Blocks until all tasks have ended and all workers have exited. Throws UsageError before close() or terminate().
  void join();

 protected:
  using EngineOwner::EngineOwner;

 private:
  static void prepare_async(MapOptions& options) { check_async_options(options); }
  /// GatheredMap expects chunks of one input, so that the failure of a chunk costs no other input.
  static void prepare_async(CollectErrors& collect) {
    check_async_options(collect.options);
    collect.options.chunksize = 1;
  }

  template <class R>
  static auto gather(MappedRange<R> range) {
    return AsyncResult{GatheredMap<R>::make(MapAccess::release(std::move(range)))};
  }

  template <class T, class U>
  static AsyncResult<T> with_callbacks(AsyncResult<T> result, Callbacks<U> callbacks) {
    add_callbacks(result.future(), std::move(callbacks));
    return result;
  }
};

}  // namespace farm::detail
