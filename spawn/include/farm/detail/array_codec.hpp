#pragma once

#include <farm/array.hpp>
#include <farm/detail/text_codec.hpp>
#include <farm/extents.hpp>
#include <farm/publish.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

/// Arrays as arguments and results of named tasks.
namespace farm::detail {

/// What the text of an array says: where its elements are, or the elements themselves.
struct ArrayText {
  std::string file{};
  std::string dataset{};
  TextValue const* values = nullptr;  ///< set if the text holds the elements: a list in row-major order
  Extents extents{};                  ///< empty: one axis
};
/// Reads {"file", "dataset"}, {"values", "extents"}, or a list, which is an array of one axis. Throws TextMismatch. The
/// result refers to the text.
[[nodiscard]] ArrayText read_array_text(TextValue const& text, std::string const& type);

/// An array in a file is {"file", "dataset", "extents"}. An array whose elements lie in its handle has "values" in
/// place of file and dataset. An empty handle is null.
template <class T>
struct TextCodec<Array<T>> {
  static std::string name() { return "array of " + TextCodec<T>::name(); }

  static TextValue show(Array<T> const& array) {
    if (!array.valid()) return {};
    TextValue::Members members;
    if (array.is_inline()) {
      members.add("values", TextCodec<std::vector<T>>::show(array.read()));
    } else {
      members.add("file", {.value = array.path().string()});
      members.add("dataset", {.value = array.dataset()});
    }
    members.add("extents", TextCodec<Extents>::show(array.extents()));
    return {.value = std::move(members)};
  }

  static void read(TextValue const& text, Array<T>& array) {
    auto const given = read_array_text(text, name());
    try {
      if (given.values == nullptr) {
        array = Array<T>::open(given.file, given.dataset);
        return;
      }
      std::vector<T> values;
      TextCodec<std::vector<T>>::read(*given.values, values);
      array = stage(values, given.extents.empty() ? Extents{values.size()} : given.extents);
    } catch (TextMismatch const&) {
      throw;
    } catch (std::exception const& error) {  // the file cannot be read, or the values do not fit the extents
      throw TextMismatch(error.what());
    }
  }
};

}  // namespace farm::detail
