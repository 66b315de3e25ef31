#include <farm/pool.hpp>

namespace farm {

MPISpawnPool::MPISpawnPool(Options const& options)
    : engine_({.max_ranks = options.max_ranks == 0 ? detail::default_max_ranks() : options.max_ranks,
               .ranks_per_task = options.ranks_per_task,
               .tasks_per_group = options.tasks_per_group,
               .max_losses = options.max_losses,
               .grace = options.grace,
               .spawn_timeout = options.spawn_timeout,
               .initializer = options.initializer,
               .workers = options.workers}) {}

}  // namespace farm
