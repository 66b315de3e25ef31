#include "spawn/program/demo/tasks.hpp"

#include <farm/task_registry.hpp>

namespace farm::demo {

std::tuple<int, int, int> calc(int i, Comm const& comm) { return {i, comm.size(), comm.rank()}; }
FARM_TASK(calc)

}  // namespace farm::demo
