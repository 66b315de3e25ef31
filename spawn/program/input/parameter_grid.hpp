#pragma once

#include <farm/detail/named_task.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace farm::detail {

/// All combinations of the values of a task's parameters. The last parameter that was given changes fastest.
class ParameterGrid {
 public:
  /// An empty grid.
  ParameterGrid() = default;
  /// `axes` holds one NAME=VALUES for each parameter of the task. NAME is a name, or the number of the parameter
  /// from 1. VALUES are values or ranges BEGIN:END:STEP, separated by commas; a range includes its END. Throws
  /// TypingError.
  ParameterGrid(NamedTask const& task, std::vector<std::string> const& axes);

  /// Returns the number of combinations.
  [[nodiscard]] std::size_t size() const;
  /// Returns a combination, from 0.
  [[nodiscard]] ArgumentTexts at(std::size_t index) const;

 private:
  struct Axis {
    std::size_t parameter = 0;
    std::vector<std::string> values{};
  };
  std::vector<Axis> axes_{};
};

}  // namespace farm::detail
