#pragma once

#include <farm/detail/map.hpp>
#include <farm/detail/over_comm.hpp>
#include <farm/detail/submit_batch.hpp>
#include <farm/detail/submitting_executor.hpp>

#include <utility>

namespace farm {

/// An executor whose workers are the ranks of a communicator, in a program in which all ranks take part.
///
/// Collective: every rank of the communicator constructs it. On the root the constructor returns at once. On every
/// other rank, a worker, it serves tasks and returns when the root has shut down; then all ranks go on. Throws
/// UsageError on all ranks if MPI is not initialized, if the root is out of range or differs between the ranks, or if
/// the object is made within another session. Throws GroupLost on a worker if the root has died. Thread-safe on the
/// root, except for destroying it.
class MPIExecutor : public detail::OverComm<detail::SubmittingExecutor> {
 public:
  /// Starts the session. Collective over options.comm.
  explicit MPIExecutor(CommOptions const& options = {}) : OverComm(options, "MPIExecutor") {}

  /// \copydoc MPISpawnPool::map
  /// Without MapOptions::buffersize, takes 128 chunks of inputs ahead for each worker rather than all inputs at once.
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return detail::with_options(
        [&]<class Options, class... Ranges>(Options options, Ranges&&... only_ranges) {
          take_few(detail::options_of(options));
          return detail::map(shared_engine(), f, std::forward<Ranges>(only_ranges)..., std::move(options)).to_vector();
        },
        std::forward<RangesAndOptions>(ranges)...);
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

  /// \copydoc detail::MappingExecutor::submit_batch
  template <class F, class... RangesAndOptions>
  auto submit_batch(F const& f, RangesAndOptions&&... all) {
    return detail::submit_batch(shared_engine(), num_workers(), f, std::forward<RangesAndOptions>(all)...);
  }

 private:
  /// Limits the inputs taken ahead to what keeps every worker supplied.
  void take_few(MapOptions& options) const {
    constexpr int ahead = 128;
    if (options.buffersize == 0 && options.chunksize > 0)
      options.buffersize = options.chunksize * ahead * num_workers();
  }
};

}  // namespace farm
