#include "spawn/program/input/parameter_grid.hpp"

#include "core/text/nearest_word.hpp"
#include "spawn/by_name/number_text.hpp"
#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace farm::detail {
namespace {

/// A grid, or one of its ranges, holds no more values.
constexpr double most_values = 1e9;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Appends the values of a range. Returns false if the text is no range.
bool append_range(std::string const& axis, std::string_view text, std::vector<std::string>& values) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    auto const end = std::min(text.find(':', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (parts.size() != 2 && parts.size() != 3) return false;
  if (parts.size() == 2) parts.emplace_back("1");
  std::vector<double> numbers;
  bool is_whole = true;
  for (auto const part : parts) {
    auto const number = read_number(part);
    if (!number || !number->is_in_range || !std::isfinite(number->value)) return false;
    numbers.push_back(number->value);
    is_whole = is_whole && whole_number(part);
  }
  double const steps = numbers[2] == 0 ? -1 : std::floor((numbers[1] - numbers[0]) / numbers[2] + 1e-9);
  if (steps < 0 || steps >= most_values)
    throw TypingError(fmt::format("--grid {}: the range {} has {}", axis, text,
                                  steps < 0 ? "no values: its step leads away from its end" : "too many values"));
  auto const count = static_cast<std::int64_t>(steps) + 1;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(is_whole ? fmt::format("{}", *whole_number(parts[0]) + i * *whole_number(parts[2]))
                              : fmt::format("{:.12g}", numbers[0] + static_cast<double>(i) * numbers[2]));
  }
  return true;
}

std::size_t parameter_of(NamedTask const& task, std::string const& name) {
  auto const found = std::find(task.names.begin(), task.names.end(), name);
  if (found != task.names.end()) return static_cast<std::size_t>(found - task.names.begin());
  auto const number = whole_number(name);
  if (number && *number >= 1 && *number <= static_cast<std::int64_t>(task.arguments.size()))
    return static_cast<std::size_t>(*number - 1);
  if (task.names.empty()) {
    throw TypingError(
        fmt::format("--grid {0}: the parameters of {1} have no names: write 1= for the first, or give "
                    "them names with FARM_TASK({1}, \"name\", ...)",
                    name, task.name));
  }
  throw TypingError("--grid: " + unknown_word("parameter", name, task.names));
}

}  // namespace

ParameterGrid::ParameterGrid(NamedTask const& task, std::vector<std::string> const& axes) {
  double size = axes.empty() ? 0 : 1;
  for (auto const& text : axes) {
    auto const equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw TypingError(fmt::format("--grid: '{}' was given, NAME=VALUES is expected", text));
    Axis axis{.parameter = parameter_of(task, text.substr(0, equals))};
    for (auto const& each : axes_) {
      if (each.parameter == axis.parameter)
        throw TypingError(fmt::format("--grid: the parameter {} is given twice", text.substr(0, equals)));
    }
    for (auto const& value : split_at_commas(text.substr(equals + 1))) {
      if (!append_range(text, value, axis.values)) axis.values.push_back(value);
    }
    size *= static_cast<double>(axis.values.size());
    axes_.push_back(std::move(axis));
  }
  if (size >= most_values) throw TypingError("--grid: there are too many combinations");
  if (!axes.empty() && axes_.size() != task.arguments.size()) {
    throw TypingError(fmt::format("--grid gives {} of {} parameters; {} has ({})", axes_.size(), task.arguments.size(),
                                  task.name, task.parameters()));
  }
}

std::size_t ParameterGrid::size() const {
  std::size_t size = axes_.empty() ? 0 : 1;
  for (auto const& axis : axes_) size *= axis.values.size();
  return size;
}

ArgumentTexts ParameterGrid::at(std::size_t index) const {
  ArgumentTexts arguments;
  arguments.texts.resize(axes_.size());
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    arguments.texts[axis->parameter] = axis->values[index % axis->values.size()];
    index /= axis->values.size();
  }
  arguments.input = fmt::format("{}", fmt::join(arguments.texts, ","));
  return arguments;
}

}  // namespace farm::detail
