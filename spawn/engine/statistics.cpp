#include <farm/statistics.hpp>

namespace farm {

double Statistics::busy_share() const {
  double const available = static_cast<double>(wall.count()) * peak_ranks;
  return available > 0 ? static_cast<double>(busy.count()) / available : 0;
}

}  // namespace farm
