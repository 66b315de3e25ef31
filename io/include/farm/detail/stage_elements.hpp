#pragma once

#include <farm/detail/array_info.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>
#include <farm/stage_options.hpp>

#include <cstddef>

namespace farm::detail {

/// Throws UsageError unless `elements` is the number of elements that the extents describe.
void check_count(std::size_t elements, Extents const& extents);

/// Stages an array, as farm::stage() does. `elements` must be as many as the extents describe.
[[nodiscard]] ArrayInfo stage_elements(void const* elements, ElementType type, Extents extents,
                                       StageOptions const& options);

}  // namespace farm::detail
