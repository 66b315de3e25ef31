#include <farm/mpi_spawn_pool.hpp>

namespace farm {

MPISpawnPool::MPISpawnPool(Options const& options)
    : SubmittingExecutor(std::make_shared<detail::Engine>(detail::EngineOptions{
                             .max_ranks = options.max_ranks == 0 ? detail::default_max_ranks(options.workers.source)
                                                                 : options.max_ranks,
                             .ranks_per_task = options.ranks_per_task,
                             .tasks_per_group = options.tasks_per_group,
                             .max_losses = options.max_losses,
                             .rerun_after_exit = options.rerun_after_exit,
                             .grace = options.grace,
                             .spawn_timeout = options.spawn_timeout,
                             .queue_limit = options.queue_limit,
                             .initializer = options.initializer,
                             .workers = options.workers}),
                         "MPISpawnPool") {}

}  // namespace farm
