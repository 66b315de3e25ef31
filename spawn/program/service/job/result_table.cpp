#include "spawn/program/service/job/result_table.hpp"

#include "spawn/program/service/shown_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

/// Inputs of these names would be taken for other columns.
bool is_taken(std::string const& name) {
  constexpr std::array<std::string_view, 5> names{"index", "error", "attempts", "seconds", "result"};
  return std::find(names.begin(), names.end(), name) != names.end() || name.starts_with("result.") ||
         name.starts_with("input.");
}

void add_new(std::vector<std::string>& columns, std::vector<ResultCell> const& cells) {
  for (auto const& cell : cells) {
    if (std::find(columns.begin(), columns.end(), cell.column) == columns.end()) columns.push_back(cell.column);
  }
}

/// An array is an object as well, but one value.
bool is_array_text(TextValue::Members const& members) {
  auto const has = [&](char const* name) {
    return std::find(members.names.begin(), members.names.end(), name) != members.names.end();
  };
  return has("extents") && (has("values") || (has("file") && has("dataset")));
}

}  // namespace

ResultTable::ResultTable(Requests& requests, std::uint64_t job) {
  requests.for_each_result(job, 0, [&](ResultReply&& record) {
    add_new(inputs_, input_cells(record));
    add_new(results_, result_cells(record));
    records_.push_back(std::move(record.json));
    return true;
  });
}

std::vector<ResultCell> ResultTable::input_cells(ResultReply const& record) {
  auto value = read_text(record.input);
  std::vector<ResultCell> cells;
  if (auto* const members = std::get_if<TextValue::Members>(&value.value); members && !is_array_text(*members)) {
    for (std::size_t i = 0; i < members->names.size(); ++i) {
      auto& name = members->names[i];
      if (is_taken(name)) name.insert(0, "input.");
      cells.push_back({std::move(name), std::move(members->values[i])});
    }
  } else if (auto* const list = std::get_if<TextValue::List>(&value.value)) {
    for (std::size_t i = 0; i < list->items.size(); ++i)
      cells.push_back({std::to_string(i + 1), std::move(list->items[i])});
  } else if (!std::holds_alternative<std::nullptr_t>(value.value)) {
    cells.push_back({"input", std::move(value)});
  }
  return cells;
}

std::vector<ResultCell> ResultTable::result_cells(ResultReply const& record) {
  std::vector<ResultCell> cells;
  if (record.error) return cells;
  auto value = read_text(record.result);
  if (auto* const members = std::get_if<TextValue::Members>(&value.value); members && !is_array_text(*members)) {
    for (std::size_t i = 0; i < members->names.size(); ++i)
      cells.push_back({"result." + members->names[i], std::move(members->values[i])});
  } else {
    cells.push_back({"result", std::move(value)});
  }
  return cells;
}

std::vector<std::string> ResultTable::columns() const {
  std::vector<std::string> all{"index"};
  all.insert(all.end(), inputs_.begin(), inputs_.end());
  all.insert(all.end(), results_.begin(), results_.end());
  for (auto const* const name : {"error", "attempts", "seconds"}) all.emplace_back(name);
  return all;
}

void ResultTable::for_each(
    std::function<void(ResultReply const& record, std::vector<ResultCell> const& cells)> const& use) const {
  for (auto const& line : records_) {
    auto const record = read_result(line);
    std::vector<ResultCell> cells{{"index", {.value = record.index}}};
    for (auto& cell : input_cells(record)) cells.push_back(std::move(cell));
    for (auto& cell : result_cells(record)) cells.push_back(std::move(cell));
    if (record.error) cells.push_back({"error", {.value = error_text(record)}});
    cells.push_back({"attempts", {.value = record.attempts}});
    cells.push_back({"seconds", {.value = record.seconds}});
    use(record, cells);
  }
}

std::string error_text(ResultReply const& record) {
  if (!record.error) return {};
  auto const& error = *record.error;
  return one_line(error.type.empty() ? error.text : fmt::format("{}: {}", error.type, error.text));
}

}  // namespace farm::detail
