#pragma once

#include <farm/detail/named_task.hpp>

/// Registers the free function `function` as a task of this program, under the name as it is written here. The command
/// line of farm::main then calls it by that name: `./program map calc 1 2 3`.
///
/// Write it at namespace scope. The function must not be overloaded. Its parameters must be of types that can be read
/// from text: numbers, bool, enumerations, std::string, path, arrays, and std::complex, vector, array, set, map with
/// string keys, tuple, pair and optional of such types. A struct of such types may be a parameter or a result too, if
/// it has no serialize(), as a list of its members; or if its serialize() names all members (CEREAL_NVP), as an object.
/// `farm::Comm const&`, MPI_Comm and `farm::TaskContext&` parameters are supplied by the farm. A result of any other
/// type is shown by its size in bytes.
///
/// Names of the parameters may follow, one for each argument that the caller gives: `FARM_TASK(heat, "alpha", "n")`.
/// Help, errors and JSON use them, and so do grids and tables of inputs.
///
/// Compile the source into the program itself. In a static library nothing refers to the registration, so the linker
/// leaves it out.
#define FARM_TASK(function, ...)                                               \
  [[maybe_unused]] static bool const FARM_TASK_JOIN(farm_task_, __COUNTER__) = \
      ::farm::detail::register_task<&(function)>(#function __VA_OPT__(, ) __VA_ARGS__);
#define FARM_TASK_JOIN(a, b) FARM_TASK_JOIN_EXPANDED(a, b)
#define FARM_TASK_JOIN_EXPANDED(a, b) a##b
