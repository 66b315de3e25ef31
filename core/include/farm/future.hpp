#pragma once

/// Future<R>, the handle to the result of a task, with its chained functions then() and catch_error().
#include <farm/detail/future_class.hpp>
#include <farm/detail/future_then.hpp>
