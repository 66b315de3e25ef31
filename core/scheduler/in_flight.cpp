#include "core/scheduler/in_flight.hpp"

namespace farm::detail {

void InFlightTasks::remove_popped() {
  tasks_.erase(tasks_.begin(), begin());
  first_ = 0;
}

}  // namespace farm::detail
