#pragma once

#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm {

/// A copy of a number, a bool or a text, or of a range of them, which is saved with an array.
class SavedValues {
 public:
  /// What the values are.
  enum class Kind : std::uint8_t { number, boolean, text };

  /// Copies a number, a bool, a text (`std::string`, `char const*`), or a range of them, such as a `std::vector`.
  template <class T>
  requires(!std::is_same_v<T, SavedValues>) SavedValues(T const& values) {  // NOLINT(google-explicit-constructor)
    if constexpr (is_single<T>) {
      is_scalar_ = true;
      set_kind<T>();
      add<T>(values);
    } else if constexpr (std::ranges::range<T const>) {
      using Value = std::ranges::range_value_t<T const>;
      static_assert(is_single<Value>, "farm saves ranges of numbers, bools or texts; this range has other elements");
      set_kind<Value>();
      for (auto&& value : values) add<Value>(value);
    } else {
      static_assert(is_single<T>, "farm saves numbers, bools, texts, and ranges of them; this is something else");
    }
  }

  /// Returns what the values are.
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// Returns the type of the numbers. A bool is an int8.
  [[nodiscard]] detail::ElementType type() const noexcept { return type_; }
  /// Returns true for a single value, false for a range.
  [[nodiscard]] bool is_scalar() const noexcept { return is_scalar_; }
  /// Returns the number of values.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Returns the numbers or bools, as in memory.
  [[nodiscard]] std::string const& elements() const noexcept { return elements_; }
  /// Returns the texts; none if the values are numbers or bools.
  [[nodiscard]] std::vector<std::string> const& texts() const noexcept { return texts_; }

 private:
  template <class T>
  static constexpr bool is_text = std::is_convertible_v<T const&, std::string_view>;
  template <class T>
  static constexpr bool is_single = Element<T> || std::is_same_v<T, bool> || is_text<T>;

  template <class T>
  void set_kind() {
    if constexpr (is_text<T>) {
      kind_ = Kind::text;
    } else if constexpr (std::is_same_v<T, bool>) {
      kind_ = Kind::boolean;
      type_ = detail::ElementType::int8;
    } else {
      type_ = detail::element_type_of<T>;
    }
  }

  template <class T>
  void add(T const& value) {
    ++size_;
    if constexpr (is_text<T>)
      texts_.emplace_back(std::string_view{value});
    else if constexpr (std::is_same_v<T, bool>)
      elements_.push_back(value ? '\1' : '\0');
    else
      elements_.append(reinterpret_cast<char const*>(&value), sizeof(T));
  }

  Kind kind_ = Kind::number;
  detail::ElementType type_ = detail::ElementType::int8;
  bool is_scalar_ = false;
  std::uint64_t size_ = 0;
  std::string elements_{};
  std::vector<std::string> texts_{};
};

/// What Array::save_as() and gather() save with the array. Each entry is a name and values:
///
///     {.attributes = {{"units", "K"}, {"viscosity", 0.01}},
///      .axes = {{"reynolds", reynolds}, {"x", x}, {"y", y}},
///      .table = {{"reynolds", reynolds}, {"minimum", minimum}}}
///
/// Names within one list must differ and have no '/'. A column may have the name of an axis.
struct SaveOptions {
  /// Attributes of the dataset: numbers, texts, or short ranges, of at most 64,000 bytes each. They take precedence
  /// over attributes that save_as() copies. Not allowed are the farm's own names (`writer`, `version`, `extents`,
  /// `ranks`) and those of dimension scales (`CLASS`, `NAME`, `DIMENSION_LIST`, `REFERENCE_LIST`).
  std::vector<std::pair<std::string, SavedValues>> attributes{};
  /// The coordinates along the array's axes, in the order of the axes: one value for each index. If there are fewer
  /// entries than axes, the last axes have no coordinates. Each entry becomes an HDF5 dimension scale (H5DS) beside the
  /// dataset, a one-dimensional dataset that netCDF-4 and xarray take for a coordinate. If the file has a dimension
  /// scale of that name with equal values, as of an array that was saved before, both arrays share it.
  std::vector<std::pair<std::string, SavedValues>> axes{};
  /// Columns with one value for each row of the array, that is for each array that gather() joins: parameters and
  /// scalar results. They are one-dimensional datasets in the group `<dataset>_table`, in this order. The first axis,
  /// if it is named, is the dimension scale of the columns, too.
  std::vector<std::pair<std::string, SavedValues>> table{};
};

namespace detail {

/// Throws UsageError unless the options suit a dataset of this name and these extents.
void check_save_options(SaveOptions const& options, std::string const& dataset, Extents const& extents);

/// The two parts of a dataset's name.
struct DatasetName {
  std::string group{};  ///< "results/" of "results/u"; "/" of "/u"; empty of "u"
  std::string leaf{};   ///< "u"
};
[[nodiscard]] DatasetName split_dataset_name(std::string const& dataset);

/// Returns the name of the group that holds the columns of the dataset's table.
[[nodiscard]] std::string table_name(std::string const& dataset);

}  // namespace detail
}  // namespace farm
