#include <farm/detail/array_codec.hpp>

#include <fmt/format.h>

namespace farm::detail {

ArrayText read_array_text(TextValue const& text, std::string const& type) {
  ArrayText array;
  if (std::holds_alternative<TextValue::List>(text.value)) {
    array.values = &text;
    return array;
  }
  auto const* const members = std::get_if<TextValue::Members>(&text.value);
  for (std::size_t i = 0; members != nullptr && i < members->names.size(); ++i) {
    auto const& name = members->names[i];
    auto const& value = members->values[i];
    if (name == "file") TextCodec<std::string>::read(value, array.file);
    if (name == "dataset") TextCodec<std::string>::read(value, array.dataset);
    if (name == "values") array.values = &value;
    if (name == "extents") TextCodec<Extents>::read(value, array.extents);
  }
  if (array.values == nullptr && (array.file.empty() || array.dataset.empty()))
    throw_expected(fmt::format(R"({}: {{"file", "dataset"}}, or a list)", type));
  return array;
}

}  // namespace farm::detail
