#include "spawn/program/cache/cache_report.hpp"

#include "core/resources/memory_text.hpp"
#include "spawn/by_name/time_text.hpp"
#include "spawn/program/report/text_table.hpp"

#include <farm/detail/text_value.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace farm::detail {
namespace {

constexpr std::size_t shown_digits = 12;  // of a key
constexpr std::size_t longest_cell = 40;

std::string size_text(std::uint64_t bytes) { return memory_text(static_cast<std::int64_t>(bytes)); }

std::vector<ListedResult const*> newest_first(std::vector<ListedResult> const& results) {
  std::vector<ListedResult const*> sorted;
  sorted.reserve(results.size());
  for (auto const& result : results) sorted.push_back(&result);
  std::sort(sorted.begin(), sorted.end(), [](ListedResult const* a, ListedResult const* b) {
    return a->made != b->made ? a->made > b->made : a->file.key < b->file.key;
  });
  return sorted;
}

void add_text(TextValue::Members& object, char const* name, std::string const& text) {
  object.add(name, {.value = with_valid_utf8(text)});
}

TextValue::Members numbers_of(CacheTotals::Function const& totals) {
  TextValue::Members object;
  object.add("results", {.value = totals.results});
  object.add("bytes", {.value = totals.bytes});
  object.add("seconds", {.value = totals.seconds});
  return object;
}

}  // namespace

std::string listing_text(std::vector<ListedResult> const& results) {
  if (results.empty()) return "no results\n";
  auto const now = time(nullptr);
  TextTable table{{"result", "ranks", "size", "arrays", "took", "age", "function, version"}, true};
  for (auto const* const result : newest_first(results)) {
    auto const& header = result->header;
    auto const age = time_text(static_cast<double>(std::max<std::int64_t>(now - result->made, 0)));
    auto const key = result->file.key.substr(0, shown_digits);
    if (!result->damage.empty()) {
      table.add({key, "-", size_text(result->bytes), "-", "-", age, "damaged: " + result->damage});
      continue;
    }
    table.add(
        {key, std::to_string(header.ranks), size_text(result->bytes),
         header.arrays.empty() ? "-" : size_text(result->array_bytes), time_text(header.seconds), age,
         fmt::format("{}, {}", cell_text(header.function, longest_cell), cell_text(header.version, longest_cell))});
  }
  return table.text();
}

std::string listing_json(std::vector<ListedResult> const& results) {
  std::string lines;
  for (auto const* const result : newest_first(results)) {
    auto const& header = result->header;
    TextValue::Members object;
    object.add("key", {.value = result->file.key});
    object.add("made", {.value = result->made});
    object.add("bytes", {.value = result->bytes});
    if (!result->damage.empty()) {
      add_text(object, "damage", result->damage);
      lines += to_json(object) + '\n';
      continue;
    }
    add_text(object, "function", header.function);
    add_text(object, "version", header.version);
    object.add("ranks", {.value = std::int64_t{header.ranks}});
    object.add("all_ranks", {.value = header.all_ranks});
    object.add("arrays", {.value = std::uint64_t{header.arrays.size()}});
    object.add("array_bytes", {.value = result->array_bytes});
    object.add("seconds", {.value = header.seconds});
    lines += to_json(object) + '\n';
  }
  return lines;
}

std::string counted_results(std::uint64_t count) { return fmt::format("{} result{}", count, count == 1 ? "" : "s"); }

void CacheTotals::add(ListedResult const& result) {
  auto const add_to = [&](Function& totals) {
    ++totals.results;
    totals.bytes += result.bytes + result.array_bytes;
    totals.seconds += result.header.seconds;
  };
  add_to(all);
  if (result.damage.empty()) {
    add_to(functions[result.header.function]);
  } else {
    ++damaged;
  }
}

std::string CacheTotals::text() const {
  auto text = fmt::format("{}: {}, {}", directory, counted_results(all.results), size_text(all.bytes));
  text += damaged == 0 ? "\n" : fmt::format("; {} of them damaged: they are computed again\n", damaged);
  if (functions.empty()) return text;
  TextTable table{{"function", "results", "size", "took"}};
  for (auto const& [name, totals] : functions) {
    table.add({cell_text(name, longest_cell), std::to_string(totals.results), size_text(totals.bytes),
               time_text(totals.seconds)});
  }
  return text + table.text();
}

std::string CacheTotals::json() const {
  TextValue::Members object;
  add_text(object, "directory", directory);
  auto const numbers = numbers_of(all);
  for (std::size_t i = 0; i < numbers.names.size(); ++i) object.add(numbers.names[i], numbers.values[i]);
  object.add("damaged", {.value = damaged});
  TextValue::Members list;
  for (auto const& [name, totals] : functions) list.add(with_valid_utf8(name), {.value = numbers_of(totals)});
  object.add("functions", {.value = std::move(list)});
  return to_json(object) + '\n';
}

}  // namespace farm::detail
