#include <farm/error.hpp>
#include <farm/rank_results.hpp>

#include <fmt/format.h>

namespace farm::detail {

void check_one_result(std::size_t results) {
  if (results == 1) return;
  throw UsageError(fmt::format("the results of {} ranks do not convert to one value: index them by rank", results));
}

}  // namespace farm::detail
