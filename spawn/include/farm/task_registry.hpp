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
/// FARM_TASK_VERSION says which version of the function it is, for caches of results.
///
/// Compile the source into the program itself. In a static library nothing refers to the registration, so the linker
/// leaves it out.
#define FARM_TASK(function, ...)                                               \
  [[maybe_unused]] static bool const FARM_TASK_JOIN(farm_task_, __COUNTER__) = \
      ::farm::detail::register_task<&(function)>(#function __VA_OPT__(, ) __VA_ARGS__);

/// Says which version of the free function `function` this is: `FARM_TASK_VERSION(calc, "2")`. A cache of results
/// (TaskOptions::cache) then knows the function by its name, as it is written here, and this version, whatever else of
/// the program was changed. So change the version whenever the function may return something else than before for the
/// same arguments, also because of what it calls; and whenever the types of its arguments or of its result have got
/// other members. Without a version, the build of the program and of the libraries it was linked with takes its place:
/// after each rebuild all tasks run again.
///
/// Write it at namespace scope, once for each function. FARM_TASK is not needed for it.
#define FARM_TASK_VERSION(function, version)                                           \
  [[maybe_unused]] static bool const FARM_TASK_JOIN(farm_task_version_, __COUNTER__) = \
      ::farm::detail::add_function_version(reinterpret_cast<void const*>(&(function)), #function, version);

#define FARM_TASK_JOIN(a, b) FARM_TASK_JOIN_EXPANDED(a, b)
#define FARM_TASK_JOIN_EXPANDED(a, b) a##b
