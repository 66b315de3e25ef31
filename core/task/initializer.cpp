#include <farm/initializer.hpp>

#include "core/base/failure.hpp"

#include <fmt/format.h>

namespace farm::detail {

void* initialized_value(RankContext const& rank_context, std::type_info const& wanted) {
  auto const* const result = rank_context.initialized;
  if (result == nullptr || result->type == nullptr) {
    throw UsageError(
        fmt::format("the task asks for the {} that an initializer returned, but there is none: the executor has no "
                    "initializer, or it returns nothing",
                    demangle(wanted.name())));
  }
  if (*result->type != wanted) {
    throw UsageError(fmt::format("the task asks for a {}, but the initializer returned a {}", demangle(wanted.name()),
                                 demangle(result->type->name())));
  }
  return result->value.get();
}

}  // namespace farm::detail
