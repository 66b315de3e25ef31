#pragma once

#include "spawn/program/input/csv_table.hpp"
#include "spawn/program/input/line_reader.hpp"
#include "spawn/program/input/parameter_grid.hpp"

#include <farm/detail/named_task.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// Where the inputs of `map` come from. They are taken in this order.
struct InputArguments {
  std::vector<std::string> words{};  ///< on the command line
  std::vector<std::string> grid{};   ///< NAME=VALUES
  std::string csv{};                 ///< a table with a header; "-" is the standard input
  std::string over{};                ///< a file with one input in a line; "-" is the standard input
};

/// The arguments of one task.
struct Input {
  std::size_t index = 0;              ///< its number, from 0
  std::optional<std::size_t> line{};  ///< in its file, from 1
  std::string text{};                 ///< as it was written
  NamedCall call{};
  std::exception_ptr error{};  ///< why the text cannot be read; null if it can

  /// Returns how messages name the input.
  [[nodiscard]] std::string title() const;
  std::string file{};  ///< empty: the command line
};

/// The inputs of `map`, one after the other. Files are read as far as inputs are taken, so that a pipe may go on for
/// ever.
class InputSource {
 public:
  enum class State : std::uint8_t {
    input,  ///< an input was taken
    wait,   ///< a line may come: wait until descriptor() is readable
    end,
  };

  /// Throws TypingError if the grid is wrong, and std::system_error if a file cannot be opened.
  InputSource(NamedTask const& task, InputArguments const& arguments);

  /// Takes the next input. Throws std::system_error if a file cannot be read.
  State next(Input& input);
  [[nodiscard]] int descriptor() const { return reader_->descriptor(); }

 private:
  State next_line(Input& input);
  [[nodiscard]] bool read_line(std::string const& line, Input& input);
  template <class Texts>
  void read(Input& input, Texts texts) const;
  void open_next_file();

  NamedTask const& task_;
  std::vector<std::string> words_;
  ParameterGrid grid_;
  std::string csv_;   ///< the table that is still to be read; empty: none
  std::string over_;  ///< the file that is still to be read; empty: none
  std::optional<LineReader> reader_;
  std::optional<CsvTable> table_;
  std::size_t row_line_ = 0;  ///< where the row of the table begins; 0: at the next line
  std::size_t taken_ = 0;
};

/// Takes all inputs that can be read twice, and returns their number. Throws the error of the first that cannot be
/// read. `is_complete` becomes false if there may be further inputs, on a pipe or the standard input.
[[nodiscard]] std::size_t check_inputs(NamedTask const& task, InputArguments const& arguments, bool& is_complete);

}  // namespace farm::detail
