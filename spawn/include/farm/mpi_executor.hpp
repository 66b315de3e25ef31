#pragma once

#include <farm/batch.hpp>
#include <farm/detail/map.hpp>
#include <farm/detail/over_comm.hpp>
#include <farm/detail/submitting_executor.hpp>

#include <utility>

namespace farm {

/// The ranks of a communicator as an executor, in a program in which all ranks take part.
///
/// Collective: every rank of the communicator makes it. At the root, the main process, the constructor returns at once.
/// On all others, the workers, it returns when the root has shut down, having served tasks meanwhile; then all go on.
/// Throws UsageError on all ranks where MPI is not initialized, where the root is out of range or not the same, and for
/// one within another; GroupLost on a worker whose root has died. Thread-safe at the root, but for being destroyed.
class MPIExecutor : public detail::OverComm<detail::SubmittingExecutor> {
 public:
  explicit MPIExecutor(CommOptions const& options = {}) : OverComm(options, "MPIExecutor") {}

  /// map(f, range...[, MapOptions]): f over the elements of all ranges together, up to the end of the shortest. Blocks;
  /// gives the results in the order of the inputs, nothing where f returns void. The inputs are taken as they are
  /// needed. The first error in order is thrown, after what has not started is cancelled.
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return detail::with_options(
        [&]<class... Ranges>(MapOptions options, Ranges&&... only_ranges) {
          return detail::map(shared_engine(), f, std::forward<Ranges>(only_ranges)..., taking_few(std::move(options)))
              .to_vector();
        },
        std::forward<RangesAndOptions>(ranges)...);
  }

  /// submit_batch(f, range...): as many tasks at once as there are workers, a further one each time one has ended. Does
  /// not block; the inputs are taken by a thread of the Batch, and an lvalue range must outlive it.
  template <class F, class... Ranges>
  auto submit_batch(F const& f, Ranges&&... ranges) {
    return detail::submit_batch(shared_engine(), num_workers(), f, std::forward<Ranges>(ranges)...);
  }

 private:
  /// Enough for every worker to have its next tasks at hand.
  [[nodiscard]] MapOptions taking_few(MapOptions options) const {
    constexpr int ahead = 128;
    if (options.buffersize == 0 && options.chunksize > 0)
      options.buffersize = options.chunksize * ahead * num_workers();
    return options;
  }
};

}  // namespace farm
