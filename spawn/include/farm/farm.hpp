#pragma once

/// Everything that the farm offers.
#include <farm/comm.hpp>
#include <farm/error.hpp>
#include <farm/future.hpp>
#include <farm/mpi_error.hpp>
#include <farm/options.hpp>
#include <farm/pool.hpp>
#include <farm/promise.hpp>
#include <farm/runtime.hpp>
#include <farm/serialize.hpp>
#include <farm/task_context.hpp>
#include <farm/task_registry.hpp>
#include <farm/wait.hpp>
