#pragma once

#include <farm/async_result.hpp>
#include <farm/detail/engine_owner.hpp>
#include <farm/detail/gathered_map.hpp>
#include <farm/detail/map.hpp>
#include <farm/detail/submit.hpp>

#include <type_traits>
#include <utility>

namespace farm::detail {

template <class T>
inline constexpr bool is_callbacks = false;
template <class T>
inline constexpr bool is_callbacks<Callbacks<T>> = true;

/// A map whose results nobody goes through has nothing to do with them. Throws UsageError.
void check_async_options(MapOptions const& options);

/// What a multiprocessing.Pool can do.
///
/// The ranges of maps are taken at the call, but for those of imap with a buffersize. A function runs as a task of one
/// rank; what it may be, and what its arguments and results, is as for submit. All functions that take tasks throw
/// ShutdownError after close() or terminate(), and UsageError for an option.
class PoolFunctions : public EngineOwner {
 public:
  /// map(f, range...[, MapOptions]): f over the elements of all ranges together, up to the end of the shortest. Blocks;
  /// gives a std::vector of the results in the order of the inputs, nothing where f returns void. The first error in
  /// that order is thrown, after what has not started is cancelled.
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return imap(f, std::forward<RangesAndOptions>(ranges)...).to_vector();
  }
  /// starmap(f, range_of_tuples[, MapOptions]): as map, an input being a tuple of all arguments.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, MapOptions const& options = {}) {
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options).to_vector();
  }
  /// f(args...) on one worker. Blocks. Throws its error.
  template <class F, class... Args>
  auto apply(F const& f, Args const&... args) {
    return apply_async(f, args...).get();
  }

  /// The same three without blocking: give an AsyncResult of what those give. Callbacks may be the first argument:
  /// apply_async(Callbacks<int>{.callback = ...}, f, args...). Of MapOptions they take chunksize and priority only. The
  /// first error in time ends a map, and cancels what has not started. Dropping an AsyncResult cancels nothing.
  template <class F, class... Args>
  requires(!is_callbacks<F>) auto apply_async(F const& f, Args const&... args) {
    return AsyncResult{Future<ResultOfTask<F, Args...>>{submit_call(engine(), {}, false, f, args...)}};
  }
  template <class T, class F, class... Args>
  auto apply_async(Callbacks<T> callbacks, F const& f, Args const&... args) {
    return with_callbacks(apply_async(f, args...), std::move(callbacks));
  }
  template <class F, class... RangesAndOptions>
  requires(!is_callbacks<F>) auto map_async(F const& f, RangesAndOptions&&... ranges) {
    check_async_options(with_options([](MapOptions options, auto&&... /*ranges*/) { return options; }, ranges...));
    return gather(imap(f, std::forward<RangesAndOptions>(ranges)...));
  }
  template <class T, class F, class... RangesAndOptions>
  auto map_async(Callbacks<T> callbacks, F const& f, RangesAndOptions&&... ranges) {
    return with_callbacks(map_async(f, std::forward<RangesAndOptions>(ranges)...), std::move(callbacks));
  }
  template <class F, class Range>
  requires(!is_callbacks<F>) auto starmap_async(F const& f, Range&& inputs, MapOptions const& options = {}) {
    check_async_options(options);
    return gather(detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options));
  }
  template <class T, class F, class Range>
  auto starmap_async(Callbacks<T> callbacks, F const& f, Range&& inputs, MapOptions const& options = {}) {
    return with_callbacks(starmap_async(f, std::forward<Range>(inputs), options), std::move(callbacks));
  }

  /// As map, but give a MappedRange at once: of the results in the order of the inputs, or in the order in which they
  /// are there.
  template <class F, class... RangesAndOptions>
  auto imap(F const& f, RangesAndOptions&&... ranges) {
    return detail::map(shared_engine(), f, std::forward<RangesAndOptions>(ranges)...);
  }
  template <class F, class... RangesAndOptions>
  auto imap_unordered(F const& f, RangesAndOptions&&... ranges) {
    return with_options(
        [&]<class... Ranges>(MapOptions options, Ranges&&... only_ranges) {
          options.unordered = true;
          return imap(f, std::forward<Ranges>(only_ranges)..., options);
        },
        std::forward<RangesAndOptions>(ranges)...);
  }

  /// No more tasks are taken; those that were still run. Does not block.
  void close() { shutdown(false); }
  /// Cancels what is queued and ends what runs. Does not block.
  void terminate();
  /// Blocks until all tasks have ended and all workers are gone. Throws UsageError before close() or terminate().
  void join();

 protected:
  using EngineOwner::EngineOwner;

 private:
  template <class R>
  static auto gather(MappedRange<R> range) {
    return AsyncResult{GatheredMap<R>::make(std::move(range).release()->release())};
  }

  template <class T, class U>
  static AsyncResult<T> with_callbacks(AsyncResult<T> result, Callbacks<U> callbacks) {
    add_callbacks(result.future(), std::move(callbacks));
    return result;
  }
};

}  // namespace farm::detail
