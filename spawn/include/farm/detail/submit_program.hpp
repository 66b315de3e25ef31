#pragma once

#include <farm/detail/engine.hpp>
#include <farm/options.hpp>
#include <farm/program.hpp>

namespace farm::detail {

/// Submits a program to the engine, and returns the state of its Future<Exit>. Throws UsageError if an option or the
/// program cannot be meant, ShutdownError and QueueFull.
[[nodiscard]] StatePtr submit_program(Engine& engine, TaskOptions const& options, Program const& program);

}  // namespace farm::detail
