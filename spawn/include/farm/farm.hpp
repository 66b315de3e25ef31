#pragma once

/// Everything that the farm offers.
#include <farm/async_result.hpp>
#include <farm/batch.hpp>
#include <farm/combine.hpp>
#include <farm/comm.hpp>
#include <farm/error.hpp>
#include <farm/executor.hpp>
#include <farm/future.hpp>
#include <farm/initializer.hpp>
#include <farm/mapped_range.hpp>
#include <farm/mpi_error.hpp>
#include <farm/mpi_pool_executor.hpp>
#include <farm/mpi_spawn_pool.hpp>
#include <farm/options.hpp>
#include <farm/pool.hpp>
#include <farm/pool_executor.hpp>
#include <farm/progress_bar.hpp>
#include <farm/promise.hpp>
#include <farm/rank_results.hpp>
#include <farm/runtime.hpp>
#include <farm/serialize.hpp>
#include <farm/task_context.hpp>
#include <farm/task_registry.hpp>
#include <farm/wait.hpp>
