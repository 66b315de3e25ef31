#pragma once

#include "spawn/service/client/requests.hpp"

#include <farm/detail/text_value.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace farm::detail {

/// A cell of a row, and the column that it belongs to.
struct ResultCell {
  std::string column;
  TextValue value;
};

/// The inputs and results of a job as a table. It keeps the records as text, and reads them when they are used.
class ResultTable {
 public:
  /// Asks for all results. Blocks.
  ResultTable(Requests& requests, std::uint64_t job);

  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] std::vector<std::string> const& records() const { return records_; }
  /// Returns the names of the columns: `index`, those of the inputs, those of the results, `error`, `attempts` and
  /// `seconds`. An input without a name is `input`, or numbers from 1; a result is `result`, or `result.NAME` for each
  /// member of an object.
  [[nodiscard]] std::vector<std::string> columns() const;
  /// Calls `use` for each row, in the order of the inputs.
  void for_each(std::function<void(ResultReply const& record, std::vector<ResultCell> const& cells)> const& use) const;

  /// Returns the cells of an input, and of a result; none if there is no result.
  [[nodiscard]] static std::vector<ResultCell> input_cells(ResultReply const& record);
  [[nodiscard]] static std::vector<ResultCell> result_cells(ResultReply const& record);

 private:
  std::vector<std::string> records_;
  std::vector<std::string> inputs_;   ///< columns
  std::vector<std::string> results_;  ///< columns
};

/// Returns the error of a record in one line; empty if it has none.
[[nodiscard]] std::string error_text(ResultReply const& record);

}  // namespace farm::detail
