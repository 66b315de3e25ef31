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
        [&]<class... Ranges>(MapOptions options, Ranges&&... only_ranges) {
          return detail::map(shared_engine(), f, std::forward<Ranges>(only_ranges)..., taking_few(std::move(options)))
              .to_vector();
        },
        std::forward<RangesAndOptions>(ranges)...);
  }

  /// \copydoc detail::MappingExecutor::submit_batch
  template <class F, class... Ranges>
  auto submit_batch(F const& f, Ranges&&... ranges) {
    return detail::submit_batch(shared_engine(), num_workers(), f, std::forward<Ranges>(ranges)...);
  }

 private:
  /// Limits the inputs taken ahead to what keeps every worker supplied.
  [[nodiscard]] MapOptions taking_few(MapOptions options) const {
    constexpr int ahead = 128;
    if (options.buffersize == 0 && options.chunksize > 0)
      options.buffersize = options.chunksize * ahead * num_workers();
    return options;
  }
};

}  // namespace farm
