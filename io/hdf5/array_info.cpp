#include <farm/detail/array_info.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace farm::detail {

void check_info(ArrayInfo const& info, ElementType type) {
  if (info.extents.empty()) return;
  bool const complete =
      info.extents.size() <= max_dimensions &&
      (!info.file.empty() || info.inline_data.size() == element_count(info.extents) * element_size(info.type));
  if (info.type != type || !complete) {
    throw SerializationError(fmt::format("an array of {} was expected, found {}", element_name(type),
                                         complete ? element_name(info.type) : "an incomplete one"));
  }
}

void check_valid(ArrayInfo const& info) {
  if (info.extents.empty()) throw UsageError("this farm::Array is an empty handle and has no elements");
}

void check_part(ArrayInfo const& info, Extents const& offset, Extents const& count) {
  check_valid(info);
  bool inside = offset.size() == info.extents.size() && count.size() == info.extents.size();
  for (std::size_t i = 0; inside && i < offset.size(); ++i)
    inside = offset[i] <= info.extents[i] && count[i] <= info.extents[i] - offset[i];
  if (!inside) {
    throw UsageError(fmt::format("a block of {} at {} is not within an array of {}", fmt::join(count, " x "),
                                 fmt::join(offset, ", "), fmt::join(info.extents, " x ")));
  }
}

}  // namespace farm::detail
