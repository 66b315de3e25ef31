#include <farm/initializer.hpp>

#include "core/base/failure.hpp"

#include <fmt/format.h>

namespace farm::detail {

void* kept_value(RankContext const& environment, std::type_info const& wanted) {
  auto const* const kept = environment.kept;
  if (kept == nullptr || kept->type == nullptr) {
    throw UsageError(
        fmt::format("the task asks for what an initializer returned, a {}, but there is none, or it returned nothing",
                    demangle(wanted.name())));
  }
  if (*kept->type != wanted) {
    throw UsageError(fmt::format("the task asks for what the initializer returned as a {}, but it returned a {}",
                                 demangle(wanted.name()), demangle(kept->type->name())));
  }
  return kept->value.get();
}

}  // namespace farm::detail
